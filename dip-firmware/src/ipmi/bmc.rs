//! One BMC as a caller wants it: power, boot device, identity; sessions are opened, kept and renewed inside.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use ipmi_rs_core::app::GetDeviceId;
use ipmi_rs_core::connection::IpmiCommand;
use tokio::sync::Mutex;

use super::boot::{
    AcknowledgeBootInfo, BootDevice, BootOverride, BootState, GetBootOverride, KeepBootFlags, SetBootOverride,
};
use super::chassis::{
    ChassisControl, ChassisIdentify, ChassisStatus, GetChassisStatus, Identify, PowerAction, PowerState,
};
use super::commands::{self, Malformed};
use super::credentials::Credentials;
use super::error::{ErrorClass, IpmiError};
use super::fru::FruInventory;
use super::fru_reader;
use super::identity::{Firmware, GetSystemGuid, Identity};
use super::kept::KeptSession;
use super::opcode::Opcode;
use super::options::{Options, Resend};
use super::place::Place;
use super::sdr::SdrRecord;
use super::sdr_reader::Stamp;
use super::slot::Hold;
use super::sockets::Sockets;
use super::transport::Transport;

/// The inventory of the machine itself (§34.1).
const MAIN_FRU: u8 = 0;

/// A BMC that speaks IPMI 2.0.
///
/// Opens a session at the first request, keeps it while it is used, and opens another when the BMC has lost it.
/// Can be shared: requests follow each other.
///
/// ```no_run
/// use dip_firmware::ipmi::{BootDevice, BootOverride, Credentials, IpmiBmc, IpmiError, Options, PowerAction, Sockets};
///
/// async fn start_from_the_network(user: &str, password: String) -> Result<(), IpmiError> {
///     let addr = ([192, 0, 2, 10], 623).into();
///     let bmc = IpmiBmc::new(&Sockets::new(), addr, Credentials::new(user, password)?, Options::default());
///     bmc.set_boot_device(BootOverride::once(BootDevice::Pxe)).await?;
///     bmc.power(PowerAction::On).await?;
///     bmc.close().await;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct IpmiBmc {
    pub(super) session: Box<dyn Transport>,
    /// The records of the repository, and which state of it they are.
    pub(super) sdr: Mutex<Option<(Stamp, Arc<Vec<SdrRecord>>)>>,
    /// The sequence of the last packet to the serial console.
    pub(super) console_sequence: Arc<AtomicU8>,
    marks_boot_flags: AtomicBool,
}

/// What a power action did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerOutcome {
    /// The machine was already so; nothing was sent.
    Already,
    /// The BMC accepted the command. The machine gets there in its own time: read the state.
    Accepted,
}

impl IpmiBmc {
    /// A BMC at `addr` (port 623 unless told otherwise), asked over one of `sockets`; nothing is sent yet.
    pub fn new(sockets: &Sockets, addr: SocketAddr, credentials: Credentials, options: Options) -> Self {
        Self::through(Box::new(KeptSession::new(sockets.clone(), addr, credentials, options)))
    }

    /// The BMC of the machine that this program runs on, by the number of its device; it is opened at the first request.
    #[cfg(all(feature = "in-band", target_os = "linux"))]
    #[must_use]
    pub fn in_band(device: u8, options: Options) -> Self {
        Self::through(Box::new(super::device::Device::new(device, options)))
    }

    fn through(session: Box<dyn Transport>) -> Self {
        Self {
            session,
            sdr: Mutex::default(),
            console_sequence: Arc::default(),
            marks_boot_flags: AtomicBool::new(false),
        }
    }

    /// Where the BMC is asked.
    pub fn place(&self) -> Place {
        self.session.place()
    }

    /// Whether the machine has power.
    ///
    /// # Errors
    /// When the BMC cannot be reached, refuses, or is not understood.
    pub async fn power_state(&self) -> Result<PowerState, IpmiError> {
        Ok(self.chassis_status().await?.power)
    }

    /// Power and health of the chassis.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn chassis_status(&self) -> Result<ChassisStatus, IpmiError> {
        self.run(GetChassisStatus, Resend::Allowed).await
    }

    /// Switches the power; on when on and off when off are [`PowerOutcome::Already`].
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state). A reset, cycle or soft-off is sent once only: when
    /// [`IpmiError::may_have_acted`] is true, look at the machine before you ask again.
    pub async fn power(&self, action: PowerAction) -> Result<PowerOutcome, IpmiError> {
        // This also proves the session just before a command that must not be repeated.
        let state = self.power_state().await?;
        if action.goal() == Some(state) {
            return Ok(PowerOutcome::Already);
        }
        self.run(ChassisControl(action), action.resend()).await?;
        Ok(PowerOutcome::Accepted)
    }

    /// The override of the boot order in force.
    ///
    /// Where a BMC was seen to mark its boot flags as valid, flags without the mark are no override any more: it was
    /// used, or has expired. Of a BMC that was never seen to mark them, the device is told as it stands there; look at
    /// [`BootState::is_marked_valid`] before you rely on an override that somebody else may have set.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn boot_device(&self) -> Result<BootState, IpmiError> {
        let told = self.run(GetBootOverride, Resend::Allowed).await?;
        if told.is_marked_valid() {
            self.marks_boot_flags.store(true, Ordering::Relaxed);
        } else if self.marks_boot_flags.load(Ordering::Relaxed) {
            return Ok(BootState::NONE);
        }
        Ok(told)
    }

    /// Overrides the boot order; [`BootDevice::None`] ends an override.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn set_boot_device(&self, wanted: BootOverride) -> Result<(), IpmiError> {
        if wanted.device != BootDevice::None {
            // Both are optional, and the override works without them on BMCs that lack them.
            tolerate(self.run(KeepBootFlags, Resend::Allowed).await)?;
            tolerate(self.run(AcknowledgeBootInfo, Resend::Allowed).await)?;
        }
        self.run(SetBootOverride(wanted), Resend::Allowed).await
    }

    /// Who the machine is. GUID and inventory are absent where the BMC has none.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn identity(&self) -> Result<Identity, IpmiError> {
        let device = self.run(GetDeviceId, Resend::Allowed).await?;
        let guid = tolerate(self.run(GetSystemGuid, Resend::Allowed).await)?;
        let fru = tolerate(fru_reader::read(&*self.session, MAIN_FRU).await)?.flatten();
        Ok(Identity::new(&device, guid, fru))
    }

    /// Switches the light by which a person finds the machine.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn identify(&self, identify: Identify) -> Result<(), IpmiError> {
        self.run(ChassisIdentify(identify), Resend::Allowed).await
    }

    /// Inventory of the part `fru`; `None` when its header cannot be read. Zero is the machine itself.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn fru(&self, fru: u8) -> Result<Option<FruInventory>, IpmiError> {
        fru_reader::read(&*self.session, fru).await
    }

    /// Version of the BMC's firmware.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn firmware(&self) -> Result<Firmware, IpmiError> {
        Ok(Firmware::of(&self.run(GetDeviceId, Resend::Allowed).await?))
    }

    /// Restarts the BMC; the machine runs on. Its sessions are lost.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state). It is sent once only.
    pub async fn restart(&self) -> Result<(), IpmiError> {
        let restarted = match self.request(Opcode::COLD_RESET, &[], Resend::Never).await {
            Err(error) if error.class() == ErrorClass::Unsupported => {
                self.request(Opcode::WARM_RESET, &[], Resend::Never).await.map(drop)
            }
            // It answers again and knows no session: it has restarted before it could confirm.
            Err(IpmiError::SessionLost { may_have_acted: true, .. }) => Ok(()),
            other => other.map(drop),
        };
        self.session.forget().await;
        restarted
    }

    /// Keeps the session alive for as long as the hold lives; without one it is closed when nobody has used it for 45 s. `None`
    /// where there is no session: in-band.
    #[must_use]
    pub fn hold(&self) -> Option<Hold> {
        self.session.hold()
    }

    /// Closes the session that is kept, if there is one.
    pub async fn close(&self) {
        self.session.close().await;
    }

    /// Runs a typed command; as [`request`](Self::request).
    ///
    /// # Errors
    /// As [`IpmiClient::connect`](super::IpmiClient::connect) and [`IpmiClient::run`](super::IpmiClient::run).
    pub async fn run<C>(&self, command: C, resend: Resend) -> Result<C::Output, IpmiError>
    where
        C: IpmiCommand,
        C::Error: Into<Malformed>,
    {
        let (opcode, message) = commands::encode(command);
        let data = self.request(opcode, message.data(), resend).await?;
        commands::decode::<C>(self.place(), opcode, &data)
    }

    /// Sends a request and gives the data of its reply.
    ///
    /// When the BMC has lost the session, the request is repeated in a new one, if it may be sent again or was not
    /// sent yet.
    ///
    /// # Errors
    /// As [`IpmiClient::connect`](super::IpmiClient::connect) and [`IpmiClient::request`](super::IpmiClient::request).
    pub async fn request(&self, opcode: Opcode, data: &[u8], resend: Resend) -> Result<Vec<u8>, IpmiError> {
        self.session.request(opcode, data, resend).await
    }
}

/// `None` where the BMC says that it has no such thing.
fn tolerate<T>(result: Result<T, IpmiError>) -> Result<Option<T>, IpmiError> {
    match result {
        Ok(value) => Ok(Some(value)),
        // Beside "unsupported" and "invalid", 80h: this boot option is not supported (§28.12).
        Err(IpmiError::Completion { code, .. })
            if matches!(code.value(), 0x80 | 0xC1 | 0xC2 | 0xC6..=0xCD | 0xD6 | 0xFF) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ipmi::responder::{PASSWORD, Quirk, Responder, USER};
    use crate::ipmi::suite::CipherSuite;

    #[tokio::test]
    async fn a_bmc_that_restarts_before_it_confirms_has_restarted_and_is_asked_on() {
        let responder = Responder::start(&[CipherSuite::C17], Quirk::None).await;
        let options = Options::default()
            .with_resend_after(Duration::from_millis(50))
            .with_deadlines(Duration::from_secs(2), Duration::from_secs(2));
        let credentials = Credentials::new(USER, PASSWORD).expect("short enough");
        let bmc = IpmiBmc::new(&Sockets::new(), responder.addr(), credentials, options);
        bmc.power(PowerAction::On).await.expect("it switches");
        bmc.restart().await.expect("it answers, and knows no session any more");
        assert_eq!(responder.heard(Opcode::COLD_RESET).len(), 1, "it is asked once");
        assert_eq!(bmc.power_state().await.expect("it answers"), PowerState::On);
    }
}
