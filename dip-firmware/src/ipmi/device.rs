//! The BMC of the machine that this program runs on, through Linux' IPMI driver (`/dev/ipmi0`). It asks for no password:
//! whoever may open the device is an administrator.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ipmi_rs::File;
use ipmi_rs::connection::{IpmiConnection, LogicalUnit, Message, Request, RequestTargetAddress};

use super::client::IpmiClient;
use super::completion::CompletionCode;
use super::credentials::Credentials;
use super::error::IpmiError;
use super::opcode::Opcode;
use super::options::{Options, Resend};
use super::place::Place;
use super::slot::Hold;
use super::transport::Transport;

/// An IPMI device, opened when it is first needed.
#[derive(Debug)]
pub(super) struct Device {
    number: u8,
    deadline: Duration,
    file: Arc<Mutex<Opened>>,
}

#[derive(Default)]
struct Opened(Option<File>);

impl Device {
    pub(super) fn new(number: u8, options: Options) -> Self {
        Self { number, deadline: options.request_deadline, file: Arc::default() }
    }

    fn not_in_band(&self, what: &'static str) -> IpmiError {
        IpmiError::NotInBand { addr: self.place(), what }
    }
}

#[async_trait]
impl Transport for Device {
    fn place(&self) -> Place {
        Place::Device(self.number)
    }

    #[tracing::instrument(name = "call", level = "debug", skip_all, fields(provider = "ipmi", server = %self.place(), action = %opcode))]
    async fn request(&self, opcode: Opcode, data: &[u8], _resend: Resend) -> Result<Vec<u8>, IpmiError> {
        // The driver repeats by itself what the hardware lost, and nothing else is lost on the way.
        let (file, number, deadline, data) = (Arc::clone(&self.file), self.number, self.deadline, data.to_vec());
        // Its calls block, for seconds where a BMC is busy.
        let asked = tokio::task::spawn_blocking(move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.ask(number, opcode, &data, deadline)
        });
        asked.await.unwrap_or_else(|ended| {
            let source = io::Error::other(ended);
            Err(IpmiError::Device { addr: self.place(), source, may_have_acted: !opcode.only_reads() })
        })
    }

    async fn ask_outside(&self, command: Opcode, data: &[u8]) -> Result<Vec<u8>, IpmiError> {
        self.request(command, data, Resend::Allowed).await
    }

    async fn close(&self) {
        self.forget().await;
    }

    async fn forget(&self) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Opened::default();
    }

    async fn connect(&self) -> Result<IpmiClient, IpmiError> {
        Err(self.not_in_band("the serial console"))
    }

    async fn lets_in(&self, _credentials: &Credentials) -> Result<bool, IpmiError> {
        Err(self.not_in_band("a login"))
    }

    fn hold(&self) -> Option<Hold> {
        None
    }
}

impl Opened {
    /// Asks until there is an answer; "node busy" is none.
    fn ask(&mut self, number: u8, opcode: Opcode, data: &[u8], deadline: Duration) -> Result<Vec<u8>, IpmiError> {
        let (addr, started) = (Place::Device(number), Instant::now());
        let may_have_acted = !opcode.only_reads();
        let mut pause = Duration::from_millis(20);
        loop {
            let mut file = match self.0.take() {
                Some(file) => file,
                None => File::new(addr.to_string(), deadline).map_err(|error| not_opened(addr, error))?,
            };
            let message = Message::new_raw(opcode.netfn(), opcode.command(), data.to_vec());
            let mut request = Request::new(message, RequestTargetAddress::Bmc(LogicalUnit::Zero));
            // After a failure the device is opened again, or a late reply would be taken for that to the next request.
            let reply = file.send_recv(&mut request).map_err(|source| match source.kind() {
                io::ErrorKind::WouldBlock => {
                    IpmiError::Timeout { addr, what: opcode.to_string(), waited: started.elapsed(), may_have_acted }
                }
                _ => IpmiError::Device { addr, source, may_have_acted },
            })?;
            self.0 = Some(file);
            if (reply.netfn_raw() & 0x3E, reply.cmd()) != (opcode.netfn(), opcode.command()) {
                let what = "the reply is one to another command";
                return Err(IpmiError::Malformed { addr, command: opcode, what });
            }
            match CompletionCode::failure(reply.cc()) {
                None => return Ok(reply.data().to_vec()),
                Some(CompletionCode::NODE_BUSY) if started.elapsed() + pause < deadline => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                Some(code) => return Err(IpmiError::Completion { addr, command: opcode, code }),
            }
        }
    }
}

fn not_opened(addr: Place, source: io::Error) -> IpmiError {
    // ENXIO and ENODEV: the file is there, and no BMC behind it.
    const NO_BMC: [i32; 2] = [6, 19];
    match source.kind() {
        io::ErrorKind::NotFound => IpmiError::NoDevice { addr },
        io::ErrorKind::PermissionDenied => IpmiError::DeviceDenied { addr },
        _ if source.raw_os_error().is_some_and(|code| NO_BMC.contains(&code)) => IpmiError::NoDevice { addr },
        _ => IpmiError::Device { addr, source, may_have_acted: false },
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Opened").field(&self.0.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipmi::bmc::IpmiBmc;
    use crate::ipmi::error::ErrorClass;

    #[tokio::test]
    async fn a_machine_without_the_device_is_told_what_to_do() {
        // No machine has so many.
        let bmc = IpmiBmc::in_band(255, Options::default());
        let error = bmc.power_state().await.expect_err("it is not there");
        assert_eq!((error.class(), error.may_have_acted()), (ErrorClass::Unsupported, false));
        assert_eq!(
            error.to_string(),
            "this machine has no /dev/ipmi255; load the modules ipmi_si and ipmi_devintf, or ask its BMC over the network"
        );
    }

    #[test]
    fn a_device_that_may_not_be_opened_is_denied() {
        let error = not_opened(Place::Device(0), io::ErrorKind::PermissionDenied.into());
        assert_eq!(error.class(), ErrorClass::Denied);
        assert!(error.to_string().starts_with("/dev/ipmi0 may not be opened by this user"), "{error}");
    }

    #[tokio::test]
    async fn the_console_and_logins_need_the_network() {
        let bmc = IpmiBmc::in_band(255, Options::default());
        let error = bmc.console().await.expect_err("it has no sessions");
        assert_eq!(error.class(), ErrorClass::Unsupported);
        assert!(error.to_string().contains("over the network"), "{error}");
        assert!(bmc.hold().is_none());
    }
}
