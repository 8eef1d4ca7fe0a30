//! Where big things that are made once are kept: the base root of hosts, what is laid over it, the Python environment.

use std::path::{Path, PathBuf};

/// The cache directory outside the repository: `$DIP_LAB_CACHE`, else `$XDG_CACHE_HOME/dip-lab`, else `~/.cache/dip-lab`.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

/// Software that some hosts have beside the base root: its files are laid over those of the base root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overlay {
    /// Ohai, which tells Chef and Cinc what a system is.
    Ohai,
    /// The Puppet server.
    PuppetServer,
    /// dnf and zypper, and what a repository of theirs is made with: rpmbuild and createrepo.
    Rpm,
    /// Salt, minion and master, in `/opt/salt`, its commands in `/usr/local/bin`.
    Salt,
}

/// Raised when the contents of the base root change, so that an older one is not taken for it.
const BASE_VERSION: u32 = 2;

/// Raised when the contents of an overlay change.
const OVERLAY_VERSION: u32 = 1;

/// Raised when the release of Kea or its packages change.
const KEA_VERSION: u32 = 1;

/// Raised when Nautobot's release or what stands in its dump changes.
const NAUTOBOT_VERSION: u32 = 1;

impl Cache {
    /// The cache of this user.
    pub fn open() -> Self {
        let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = from("DIP_LAB_CACHE")
            .or_else(|| from("XDG_CACHE_HOME").map(|dir| dir.join("dip-lab")))
            .or_else(|| from("HOME").map(|dir| dir.join(".cache/dip-lab")))
            .unwrap_or_else(|| std::env::temp_dir().join("dip-lab-cache"));
        Self { root }
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The unpacked root file system that hosts overlay.
    pub fn base_root(&self) -> PathBuf {
        self.root.join(format!("base-v{BASE_VERSION}"))
    }

    /// What is laid over the base root for some software.
    pub fn overlay(&self, overlay: Overlay) -> PathBuf {
        let name = match overlay {
            Overlay::Ohai => "ohai",
            Overlay::PuppetServer => "puppetserver",
            Overlay::Rpm => "rpm",
            Overlay::Salt => "salt",
        };
        self.root.join(format!("base-v{BASE_VERSION}-{name}-v{OVERLAY_VERSION}"))
    }

    /// The same as one archive, which a build server may keep between runs.
    pub fn base_archive(&self) -> PathBuf {
        self.root.join(format!("base-v{BASE_VERSION}.tar"))
    }

    /// The root with Kea 3.0 and the libraries that it needs.
    pub fn kea(&self) -> PathBuf {
        self.root.join(format!("kea-3.0-v{KEA_VERSION}"))
    }

    /// A kernel of Debian, `vmlinuz`, and its modules by their paths under `kernel/`.
    pub fn kernel(&self) -> PathBuf {
        self.root.join("kernel-v1")
    }

    /// The Python environment with sushy-tools, pytest and maturin.
    pub fn python(&self) -> PathBuf {
        self.root.join("venv")
    }

    /// What Nautobot needs: a Python environment of its own, and the dump of its database.
    pub fn nautobot(&self) -> PathBuf {
        self.root.join(format!("nautobot-v{NAUTOBOT_VERSION}"))
    }

    /// A program of Nautobot's Python environment.
    pub fn nautobot_program(&self, name: &str) -> PathBuf {
        self.nautobot().join("venv/bin").join(name)
    }

    /// The dump of Nautobot's database, the last thing that the setup makes for it.
    pub fn nautobot_dump(&self) -> PathBuf {
        self.nautobot().join("nautobot.dump")
    }

    /// A program of the Python environment.
    pub fn python_program(&self, name: &str) -> PathBuf {
        self.python().join("bin").join(name)
    }
}
