//! Certificates of the site's own authority, over real TLS: asked for, signed, shown and renewed, and never so that dip is locked out.
//! `openssl` says what a stranger sees.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::certificate::{LocalAuthority, SeenCertificate};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::fact::firmware::BMC_CERTIFICATE;
use dip_core::id::{NodeName, ServiceName};
use dip_core::operation::{Applied, Check, OperationError};
use dip_core::provider::{CertificateAuthority, CertificateWish, ErrorKind, ProviderError, sentence};
use dip_core::secret::{DirectoryStore, Secret, SecretRef, SecretStore, Standing};
use dip_core::site::Service;
use dip_core::subject::Subject;
use dip_lab::NodeDirectory;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::json;
use time::{Duration as Days, OffsetDateTime};

use super::bmc_of_ipmi::Dying;
use super::tls_bmc::TlsBmc;
use crate::bench::{Bench, Known, node, protocol};
use crate::machine::{expect, on_a_thread};

const STEP: &str = "firmware.install_certificate";

pub(crate) fn trials() -> Vec<Trial> {
    let trials = [
        on_a_thread("a_certificate_of_the_site_takes_the_place_of_the_pinned_one", replaced),
        on_a_thread("a_certificate_is_renewed_before_its_end_and_a_bmc_whose_ended_is_still_reached", renewed),
        on_a_thread("a_program_that_dies_before_it_gives_the_certificate_gives_the_same_one_later", same_one),
        on_a_thread("a_bmc_that_has_forgotten_its_request_is_asked_for_another", forgotten),
        on_a_thread("a_request_that_nobody_signed_yet_is_signed_later", unsigned),
        on_a_thread("what_another_authority_signed_is_never_given_to_a_bmc", another),
        on_a_thread("an_authority_that_has_expired_is_told", expired),
        on_a_thread("a_bmc_that_makes_no_request_is_told", no_request),
        on_a_thread("a_bmc_without_tls_is_told", in_the_clear),
    ];
    trials.map(|trial| trial.on("model over TLS")).into()
}

/// A BMC over TLS, and the site's authority.
struct Lab {
    bmc: TlsBmc,
    directory: NodeDirectory,
    authority: CertifiedIssuer<'static, KeyPair>,
}

fn authority(days: i64) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Site CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = OffsetDateTime::now_utc() - Days::days(1000);
    params.not_after = OffsetDateTime::now_utc() + Days::days(days);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

impl Lab {
    async fn start(days: i64) -> Result<Self, Failure> {
        let lab = Self {
            bmc: TlsBmc::start().await?,
            directory: NodeDirectory::idle("certificates")?,
            authority: authority(days),
        };
        std::fs::write(lab.anchors(), lab.authority.pem())?;
        Ok(lab)
    }

    fn anchors(&self) -> PathBuf {
        self.directory.dir().join("ca.pem")
    }

    fn store(&self) -> Arc<dyn SecretStore> {
        Arc::new(DirectoryStore::new(self.directory.dir()))
    }

    /// A program that was just started. The site pins the certificate of the factory.
    fn program(&self, pin: &str, certificate: (u32, u32), store: Arc<dyn SecretStore>) -> Result<Bench, Failure> {
        self.program_over(json!({ "port": self.bmc.addr.port(), "tls_fingerprint": pin }), certificate, store)
    }

    fn program_over(
        &self,
        settings: serde_json::Value,
        (days, renew_before): (u32, u32),
        store: Arc<dyn SecretStore>,
    ) -> Result<Bench, Failure> {
        let firmware = json!({ "certificate": {
            "authority": "bmc-ca", "kept": "store:certificates", "domain": "bmc.example.org",
            "days": days, "renew_before": renew_before,
        } });
        let node = node(&NodeName::new("n1")?, "env:BMC_PASSWORD", vec![protocol("redfish", settings)], Some(firmware));
        let settings = json!({ "certificate": self.anchors().display().to_string() });
        let service = Service { name: ServiceName::new("bmc-ca")?, driver: protocol("authority", settings) };
        let mut bench = Bench::with_services(node, [service], &Known { password: "password", store: Some(store) })?;
        // As a program does that brings its own; the one that the site's key makes is tried beside it.
        let signs = LocalAuthority::new(&self.authority.pem(), &Secret::new(self.authority.key().serialize_pem()))?;
        bench.providers.insert::<dyn CertificateAuthority>(&subject()?, Arc::new(signs));
        Ok(bench)
    }

    /// The numbers of the book, and how far each has come.
    fn book(&self) -> Result<Vec<(u32, Standing)>, Failure> {
        let at: SecretRef = "store:certificates/n1".parse()?;
        Ok(self.store().versions(&at)?.into_iter().collect())
    }

    /// What a stranger thinks of it who trusts the site's authority.
    async fn openssl_trusts_it(&self) -> Result<bool, Failure> {
        let mut tool = tokio::process::Command::new("openssl");
        let at = self.bmc.addr.to_string();
        tool.args(["s_client", "-connect", &at, "-verify_return_error", "-verify_ip", "127.0.0.1", "-CAfile"]);
        tool.arg(self.anchors()).stdin(std::process::Stdio::null()).kill_on_drop(true);
        let said = tool.output().await?;
        Ok(said.status.success() && String::from_utf8_lossy(&said.stdout).contains("Verify return code: 0 (ok)"))
    }
}

fn subject() -> Result<Subject, Failure> {
    Ok(Subject::service(&ServiceName::new("bmc-ca")?))
}

/// Applies the step and looks, as the engine does, until it holds.
async fn settle(bench: &Bench) -> Result<(), Failure> {
    let step = bench.step(STEP)?;
    bench.differs(&step).await?;
    let applied = bench.apply(&step).await?;
    expect(matches!(applied, Applied::Wait { .. }), "the BMC takes its time", &applied)?;
    for _ in 0..20 {
        if let Check::Holds(facts) = bench.check(&step).await? {
            let told: Option<String> = facts.read(&BMC_CERTIFICATE.of(&Subject::node(&NodeName::new("n1")?)))?;
            return expect(told.is_some_and(|told| told.len() == 64), "it is told", &facts);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("it does not settle".into())
}

async fn refused(bench: &Bench) -> Result<String, Failure> {
    match bench.apply(&bench.step(STEP)?).await {
        Ok(applied) => Err(format!("it was done: {applied:?}").into()),
        Err(error) => Ok(sentence(&error)),
    }
}

async fn replaced() -> Result<Verdict, Failure> {
    let lab = Lab::start(1000).await?;
    let (pin, factory) = (lab.bmc.shown().fingerprint(), lab.bmc.chain_and_key());
    let bench = lab.program(&pin, (90, 30), lab.store())?;
    let diff = bench.differs(&bench.step(STEP)?).await?.to_string();
    expect(diff.contains("→ CN=Site CA") && diff.contains("+ name in the certificate 127.0.0.1"), "it is told", &diff)?;
    expect(!lab.openssl_trusts_it().await?, "a stranger has no reason to trust it", ())?;
    settle(&bench).await?;
    expect(lab.openssl_trusts_it().await?, "openssl trusts it", ())?;
    let names: Vec<_> = lab.bmc.shown().names.iter().map(ToString::to_string).collect();
    expect(names == ["127.0.0.1", "n1.bmc.example.org"], "it is for the names of the site", &names)?;
    expect(lab.book()? == [(1, Standing::Proved)], "the book says so", lab.book()?)?;
    // The site file still pins the one of the factory, which does no harm.
    let next = lab.program(&pin, (90, 30), lab.store())?;
    next.holds(&next.step(STEP)?).await?;
    // Who has the factory's key is not believed any more, by the program that saw the new one and by the next.
    lab.bmc.show(&factory.0, &factory.1);
    for bench in [bench, next, lab.program(&pin, (90, 30), lab.store())?] {
        let Err(error) = bench.check(&bench.step(STEP)?).await else { return Err("the pin is over".into()) };
        let said = sentence(&error);
        expect(said.contains("one of the site's authority was seen at it before"), "it says why", &said)?;
    }
    Ok(Verdict::Passed)
}

async fn renewed() -> Result<Verdict, Failure> {
    let lab = Lab::start(1000).await?;
    let pin = lab.bmc.shown().fingerprint();
    settle(&lab.program(&pin, (20, 10), lab.store())?).await?;
    let first = lab.bmc.shown();
    let next = lab.program(&pin, (90, 25), lab.store())?;
    let diff = next.differs(&next.step(STEP)?).await?.to_string();
    expect(diff == format!("end of the certificate {} → more than 25 days away", first.ends()), "it ends soon", &diff)?;
    settle(&next).await?;
    expect(lab.bmc.shown().serial != first.serial && lab.openssl_trusts_it().await?, "it is another one", ())?;
    expect(lab.book()? == [(1, Standing::Proved), (2, Standing::Proved)], "both are kept", lab.book()?)?;
    // Nobody ran dip for a long time, and the certificate has ended.
    let mut params = CertificateParams::default();
    params.not_before = OffsetDateTime::now_utc() - Days::days(400);
    params.not_after = OffsetDateTime::now_utc() - Days::days(10);
    let key = KeyPair::generate()?;
    let ended = params.signed_by(&key, &lab.authority)?.pem();
    let at: SecretRef = "store:certificates/n1".parse()?;
    lab.store().create(&at, 3, &Secret::new(ended.clone()))?;
    lab.store().mark(&at, 3, Standing::Proved)?;
    lab.bmc.show(&ended, &key.serialize_pem());
    settle(&lab.program(&pin, (90, 25), lab.store())?).await?;
    expect(lab.openssl_trusts_it().await?, "openssl trusts the new one", ())?;
    Ok(Verdict::Passed)
}

async fn same_one() -> Result<Verdict, Failure> {
    let lab = Lab::start(1000).await?;
    let pin = lab.bmc.shown().fingerprint();
    let dying = lab.program(&pin, (90, 30), Arc::new(Dying(lab.store())))?;
    refused(&dying).await?;
    expect(
        lab.book()? == [(1, Standing::Sent)] && lab.bmc.shown().fingerprint() == pin,
        "it was not given",
        lab.book()?,
    )?;
    let at: SecretRef = "store:certificates/n1".parse()?;
    let signed = lab.store().version(&at, 1)?.ok_or("the store has it")?;
    let serial = SeenCertificate::all_of(signed.expose())?.remove(0).serial;
    settle(&lab.program(&pin, (90, 30), lab.store())?).await?;
    expect(lab.bmc.shown().serial == serial, "it is the one that was signed", &serial)?;
    expect(lab.book()? == [(1, Standing::Proved)] && lab.bmc.requests() == 1, "there is no other", lab.book()?)?;
    Ok(Verdict::Passed)
}

async fn forgotten() -> Result<Verdict, Failure> {
    let lab = Lab::start(1000).await?;
    let pin = lab.bmc.shown().fingerprint();
    refused(&lab.program(&pin, (90, 30), Arc::new(Dying(lab.store())))?).await?;
    lab.bmc.forgets_its_request();
    settle(&lab.program(&pin, (90, 30), lab.store())?).await?;
    let book = lab.book()?;
    expect(book == [(1, Standing::Refused), (2, Standing::Proved)], "the first is not lost track of", &book)?;
    expect(lab.openssl_trusts_it().await?, "openssl trusts the second", ())?;
    Ok(Verdict::Passed)
}

/// An authority that is away for a while.
struct Away {
    local: LocalAuthority,
    calls: AtomicUsize,
}

#[async_trait]
impl CertificateAuthority for Away {
    fn anchors(&self) -> &str {
        self.local.anchors()
    }

    async fn sign(&self, wish: &CertificateWish) -> Result<String, ProviderError> {
        if self.calls.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(ProviderError::new(ErrorKind::Unreachable, "authority", "sign"));
        }
        self.local.sign(wish).await
    }
}

async fn unsigned() -> Result<Verdict, Failure> {
    let lab = Lab::start(1000).await?;
    let pin = lab.bmc.shown().fingerprint();
    let local = LocalAuthority::new(&lab.authority.pem(), &Secret::new(lab.authority.key().serialize_pem()))?;
    let away = Arc::new(Away { local, calls: AtomicUsize::new(0) });
    for attempt in 0..2 {
        let mut bench = lab.program(&pin, (90, 30), lab.store())?;
        bench.providers.insert::<dyn CertificateAuthority>(&subject()?, Arc::clone(&away) as Arc<_>);
        match attempt {
            0 => drop(refused(&bench).await?),
            _ => settle(&bench).await?,
        }
    }
    expect(lab.bmc.requests() == 1, "the request of the first program was signed", lab.bmc.requests())?;
    expect(lab.book()? == [(1, Standing::Proved)], "there is one certificate", lab.book()?)?;
    Ok(Verdict::Passed)
}

async fn another() -> Result<Verdict, Failure> {
    let lab = Lab::start(1000).await?;
    let pin = lab.bmc.shown().fingerprint();
    let other = authority(1000);
    // It says that it is the site's, and is not: of the same name, by another key.
    struct Impostor(LocalAuthority, String);
    #[async_trait]
    impl CertificateAuthority for Impostor {
        fn anchors(&self) -> &str {
            &self.1
        }

        async fn sign(&self, wish: &CertificateWish) -> Result<String, ProviderError> {
            self.0.sign(wish).await
        }
    }
    let local = LocalAuthority::new(&other.pem(), &Secret::new(other.key().serialize_pem()))?;
    let mut bench = lab.program(&pin, (90, 30), lab.store())?;
    let impostor = Impostor(local, lab.authority.pem());
    bench.providers.insert::<dyn CertificateAuthority>(&subject()?, Arc::new(impostor));
    let said = refused(&bench).await?;
    expect(
        said.contains("`bmc-ca` gave a certificate for the BMC of node `n1` that is of no use"),
        "it is told",
        &said,
    )?;
    expect(lab.bmc.shown().fingerprint() == pin && lab.book()?.is_empty(), "the BMC has its own still", &said)?;
    // A BMC that shows such a one is not spoken to.
    let key = KeyPair::generate()?;
    let foreign = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &other)?;
    lab.bmc.show(&foreign.pem(), &key.serialize_pem());
    let bench = lab.program(&pin, (90, 30), lab.store())?;
    let Err(OperationError::Provider(error)) = bench.check(&bench.step(STEP)?).await else {
        return Err("it was believed".into());
    };
    expect(error.kind() == ErrorKind::Denied, "it is denied", sentence(&error))?;
    Ok(Verdict::Passed)
}

async fn expired() -> Result<Verdict, Failure> {
    let lab = Lab::start(-1).await?;
    let pin = lab.bmc.shown().fingerprint();
    let said = refused(&lab.program(&pin, (90, 30), lab.store())?).await?;
    expect(said.contains("itself has expired on") && said.contains("renew the authority's own"), "it is told", &said)?;
    let lab = Lab::start(20).await?;
    let pin = lab.bmc.shown().fingerprint();
    let said = refused(&lab.program(&pin, (90, 30), lab.store())?).await?;
    expect(said.contains("of no use") && said.contains("more than 30 days away"), "it ends too soon", &said)?;
    expect(lab.bmc.shown().fingerprint() == pin, "the BMC has its own still", ())?;
    Ok(Verdict::Passed)
}

async fn no_request() -> Result<Verdict, Failure> {
    let lab = Lab::start(1000).await?;
    lab.bmc.makes_no_requests();
    let said = refused(&lab.program(&lab.bmc.shown().fingerprint(), (90, 30), lab.store())?).await?;
    expect(said.contains("the service does not change its certificate"), "it is told", &said)?;
    Ok(Verdict::Passed)
}

async fn in_the_clear() -> Result<Verdict, Failure> {
    let lab = Lab::start(1000).await?;
    let model = crate::model::ModelBmc::start(crate::model::Maker::Dell).await?;
    let settings = json!({ "port": model.server.addr.port(), "scheme": "http" });
    let bench = lab.program_over(settings, (90, 30), lab.store())?;
    let Err(error) = bench.check(&bench.step(STEP)?).await else { return Err("it shows no certificate".into()) };
    let said = sentence(&error);
    expect(said.contains("is asked in the clear and shows no certificate"), "it is told", &said)?;
    Ok(Verdict::Passed)
}
