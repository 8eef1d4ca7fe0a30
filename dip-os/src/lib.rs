//! DIP layer 3, operating system: hosts over SSH, their names, files, kernel settings and users
