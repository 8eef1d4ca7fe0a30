//! SSH by certificates, and the certificate of a node.

use std::sync::Arc;
use std::time::Duration;

use dip_core::certificate::LocalAuthority;
use dip_core::conformance::{Failure, Verdict};
use dip_core::fact::opsclients::{CERTIFICATE, SSH_TRUST};
use dip_core::id::ServiceName;
use dip_core::operation::{Applied, Check};
use dip_core::provider::CertificateAuthority;
use dip_core::secret::Secret;
use dip_core::subject::Subject;
use serde_json::json;
use tokio::process::Command;

use crate::lab::{Lab, must, n1};

async fn run(line: &mut Command) -> Result<String, Failure> {
    let output = line.output().await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() { Ok(text) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned().into()) }
}

/// The lab's authority, made once, in `ca.pem` and `ca.key`; and its certificate.
pub(crate) async fn authority(lab: &Lab) -> Result<(Arc<dyn CertificateAuthority>, String), Failure> {
    let (certificate, key) = (lab.files.join("ca.pem"), lab.files.join("ca.key"));
    if !certificate.exists() {
        let mut line = Command::new("openssl");
        line.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "365"])
            .args(["-subj", "/CN=Lab CA", "-addext", "keyUsage=critical,keyCertSign,cRLSign"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate);
        run(&mut line).await?;
    }
    let pem = std::fs::read_to_string(&certificate)?;
    let authority = LocalAuthority::new(&pem, &Secret::new(std::fs::read_to_string(&key)?))?;
    Ok((Arc::new(authority), pem))
}

pub(crate) async fn a_node_holds_a_certificate_that_openssl_verifies(lab: &Lab) -> Result<Verdict, Failure> {
    let (signs, _) = authority(lab).await?;
    let services = json!({"ca": {"kind": "authority", "certificate": "ca.pem"}});
    let bench = |wanted| {
        let mut bench = lab.bench_with(services.clone(), json!({ "certificate": wanted }))?;
        let subject = Subject::service(&ServiceName::new("ca")?);
        bench.providers.insert::<dyn CertificateAuthority>(&subject, signs.clone());
        Ok::<_, Failure>(bench)
    };
    let facts = bench(json!({"authority": "ca", "days": 90}))?.is_done_at_once().await?;
    let first = facts.read::<String>(&CERTIFICATE.of(&n1()))?;
    // Seen by others: a server with it, and a client that trusts the authority alone.
    let serve = "cd /etc/dip/tls && (timeout 20 openssl s_server -accept 4433 -cert certificate.pem -key key.pem -www >/dev/null 2>&1 &)";
    lab.node().ssh(serve).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let address = format!("{}:4433", lab.node().address);
    let mut client = Command::new("openssl");
    client.args([
        "s_client",
        "-connect",
        &address,
        "-verify_return_error",
        "-verify_hostname",
        "n1.lab.test",
        "-CAfile",
    ]);
    let shown = run(client.arg(lab.files.join("ca.pem")).stdin(std::process::Stdio::null())).await?;
    must(shown.contains("Verify return code: 0 (ok)"), || shown)?;
    let mode = lab.node().ssh("stat -c %a /etc/dip/tls/key.pem; openssl pkey -in /etc/dip/tls/key.pem -pubout").await?;
    must(mode.starts_with("600\n"), || mode.clone())?;
    // Near its end it is replaced, for the same key.
    let facts = bench(json!({"authority": "ca", "days": 120, "renew_before": 100}))?.is_done_at_once().await?;
    let second = facts.read::<String>(&CERTIFICATE.of(&n1()))?;
    let key = lab.node().ssh("stat -c %a /etc/dip/tls/key.pem; openssl pkey -in /etc/dip/tls/key.pem -pubout").await?;
    must(first != second && key == mode, || format!("{first:?} became {second:?}"))?;
    // A key that somebody exchanged is seen.
    lab.node().ssh("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out /etc/dip/tls/key.pem").await?;
    match bench(json!({"authority": "ca"}))?.check().await? {
        Check::Differs(diff) if diff.to_string().contains("key of the certificate") => Ok(Verdict::Passed),
        other => Err(format!("the key is another, and it tells {other:?}").into()),
    }
}

pub(crate) async fn who_uses_a_certificate_is_told_of_it_after_a_failure_too(lab: &Lab) -> Result<Verdict, Failure> {
    let (signs, _) = authority(lab).await?;
    let service = "[Service]\nExecStart=sleep 600\nExecReload=cp /etc/dip/tls/certificate.pem /run/told\n";
    let start = format!(
        "printf '{service}' > /etc/systemd/system/tlsuser.service && systemctl start tlsuser && mkdir /run/told"
    );
    lab.node().ssh(&start).await?;
    let wanted = json!({"certificate": {"authority": "ca", "days": 60, "renew_before": 20, "reload": ["tlsuser"]}});
    let mut bench = lab.bench_with(json!({"ca": {"kind": "authority", "certificate": "ca.pem"}}), wanted)?;
    bench.providers.insert::<dyn CertificateAuthority>(&Subject::service(&ServiceName::new("ca")?), signs);
    // Whoever went before left a certificate: it is signed anew, and cannot be told of.
    lab.node().ssh("rm -f /etc/dip/tls/certificate.pem && mount -t tmpfs -o ro none /run/told").await?;
    must(bench.apply().await.is_err(), || "who could not be told was told".to_owned())?;
    let signed = lab.node().ssh("cat /etc/dip/tls/certificate.pem").await?;
    match bench.check().await? {
        Check::Differs(diff) if diff.to_string().contains("told of the certificate") => {}
        other => return Err(format!("nobody was told, and it is {other:?}").into()),
    }
    lab.node().ssh("umount /run/told && rmdir /run/told").await?;
    must(bench.apply().await? == Applied::Done, || "it is not done".to_owned())?;
    let (now, told) =
        (lab.node().ssh("cat /etc/dip/tls/certificate.pem").await?, lab.node().ssh("cat /run/told").await?);
    must(now == signed && told == signed, || "it was signed anew, or another one was told of".to_owned())?;
    let end = bench.check().await?;
    lab.node().ssh("systemctl stop tlsuser && rm /etc/systemd/system/tlsuser.service").await?;
    match end {
        Check::Holds(_) => Ok(Verdict::Passed),
        other => Err(format!("all is told, and it is {other:?}").into()),
    }
}

pub(crate) async fn a_node_and_its_users_are_believed_by_certificates_alone(lab: &Lab) -> Result<Verdict, Failure> {
    for name in ["ssh_ca", "user", "extra"] {
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(lab.files.join(name))).await?;
    }
    let extra = std::fs::read_to_string(lab.files.join("extra.pub"))?;
    let services =
        json!({"ssh_ca": {"kind": "ssh_authority", "key": format!("file:{}", lab.files.join("ssh_ca").display())}});
    let settings = json!({"ssh": {"authority": "ssh_ca", "authorized_keys": {"root": [extra.trim()]}}});
    let facts = lab.bench_with(services.clone(), settings)?.comes_true().await?;
    let serial = facts.read::<String>(&SSH_TRUST.of(&n1()))?;
    must(serial.is_some_and(|serial| serial.parse::<u64>().is_ok_and(|serial| serial > 0)), || "no serial".to_owned())?;
    // A client that knows the authority alone, of a user whom the node has never seen.
    let sign = ["-q", "-s"];
    let mut line = Command::new("ssh-keygen");
    line.args(sign).arg(lab.files.join("ssh_ca")).args(["-I", "user", "-n", "root", "-V", "+5m"]);
    run(line.arg(lab.files.join("user.pub"))).await?;
    let known = format!("@cert-authority * {}", std::fs::read_to_string(lab.files.join("ssh_ca.pub"))?);
    std::fs::write(lab.files.join("known"), known)?;
    let login = |key: &str| {
        let mut line = Command::new("ssh");
        line.args(["-F", "none", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]);
        line.args(["-o", "GlobalKnownHostsFile=none", "-o"])
            .arg(format!("UserKnownHostsFile={}", lab.files.join("known").display()));
        line.arg("-i").arg(lab.files.join(key)).arg(format!("root@{}", lab.node().address)).arg("hostname");
        line
    };
    run(&mut login("user")).await?;
    run(&mut login("extra")).await?;
    // The key that was there before still logs in, and who is no longer named does not.
    lab.node().ssh("true").await?;
    lab.bench_with(services.clone(), json!({"ssh": {"authority": "ssh_ca"}}))?.comes_true().await?;
    must(run(&mut login("extra")).await.is_err(), || "a key that was taken away still logs in".to_owned())?;
    run(&mut login("user")).await?;
    // A server that trusts nobody by certificate any more is seen, though its files say otherwise.
    let away = "sed -i '1i TrustedUserCAKeys none' /etc/ssh/sshd_config && systemctl reload ssh && sleep 1";
    lab.node().ssh(away).await?;
    let told = lab.bench_with(services, json!({"ssh": {"authority": "ssh_ca"}}))?.check().await?;
    lab.node().ssh("sed -i 1d /etc/ssh/sshd_config && systemctl reload ssh && sleep 1").await?;
    match told {
        Check::Differs(diff) if diff.to_string().contains("login as root by a certificate") => Ok(Verdict::Passed),
        other => Err(format!("the server believes no user, and it tells {other:?}").into()),
    }
}
