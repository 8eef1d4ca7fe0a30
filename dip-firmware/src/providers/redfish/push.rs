//! An image that is sent to a service: as one body, or with what it is for as several parts (DSP0266, "multipart HTTP push").

use std::path::Path;

use serde_json::{Value, json};

use super::address::last_part;
use super::error::Failure;

/// Firmware of a BMC is some 100 MB at most; whoever names a disk image by mistake should not fill the memory.
const LARGEST_IMAGE: u64 = 1 << 30;
/// Separates the parts; long enough to be in no image.
const BOUNDARY: &str = "dip-firmware-7f2e4b0c9d8a4c61b5e3";

/// In which form an image is sent.
#[derive(Debug, Clone)]
pub(super) enum Push {
    /// As one body.
    Plain,
    /// As several parts, for these resources.
    Multipart(Vec<String>),
}

/// A body that is no JSON.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) content_type: String,
    pub(super) bytes: Vec<u8>,
}

/// Reads the image.
pub(super) async fn upload(file: &Path, how: Push) -> Result<Upload, Failure> {
    let wrong = |error: std::io::Error| Failure::Wrong { what: format!("{} cannot be read: {error}", file.display()) };
    let size = tokio::fs::metadata(file).await.map_err(wrong)?.len();
    if size > LARGEST_IMAGE {
        return Err(Failure::Wrong { what: format!("{} has {size} bytes, more than any firmware", file.display()) });
    }
    let image = tokio::fs::read(file).await.map_err(wrong)?;
    Ok(match how {
        Push::Plain => Upload { content_type: "application/octet-stream".to_owned(), bytes: image },
        Push::Multipart(targets) => {
            let path = file.to_string_lossy();
            multipart(last_part(&path), &json!({ "Targets": targets }), &image)
        }
    })
}

fn multipart(name: &str, parameters: &Value, image: &[u8]) -> Upload {
    let name = name.replace(['"', '\r', '\n', '\\'], "_");
    let mut bytes = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"UpdateParameters\"\r\nContent-Type: application/json\r\n\r\n{parameters}\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"UpdateFile\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(image);
    bytes.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    Upload { content_type: format!("multipart/form-data; boundary={BOUNDARY}"), bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_goes_with_what_it_is_for_and_its_name_cannot_end_the_header() {
        let upload = multipart("a\"\r\nb.bin", &json!({ "Targets": [] }), b"IMAGE");
        let text = String::from_utf8(upload.bytes).expect("this one is text");
        assert!(
            text.contains("name=\"UpdateParameters\"\r\nContent-Type: application/json\r\n\r\n{\"Targets\":[]}\r\n")
        );
        assert!(text.contains("filename=\"a___b.bin\"\r\n"), "{text}");
        assert!(text.ends_with(&format!("\r\n\r\nIMAGE\r\n--{BOUNDARY}--\r\n")), "{text}");
    }
}
