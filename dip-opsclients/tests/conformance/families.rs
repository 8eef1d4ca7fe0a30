//! A package proxy for the package managers of other families of Linux, which Debian has too: the real dnf and zypper, on a node
//! whose system says that it is Rocky or openSUSE.

use dip_core::conformance::{Failure, Verdict, not_installed};
use dip_core::fact::opsclients::PACKAGE_PROXY;
use dip_lab::{Host, Requirement, Tinyproxy};
use serde_json::json;

use crate::lab::{Lab, must, n1};

const SPEC: &str = "Name: dip-trial
Version: 1
Release: 1
Summary: A trial
License: MIT
BuildArch: noarch
%description
A trial.
%install
install -D -m 644 /dev/null %{buildroot}/usr/share/dip-trial
%files
/usr/share/dip-trial
";

const PORT: u16 = 8099;

/// What an installation leaves. The package managers mind that on Debian no package is one of rpm's.
const FORGET: &str = "rm -rf /usr/share/dip-trial /root/.rpmdb /var/lib/rpm /var/cache/dnf /var/cache/zypp";

/// What differs between them.
struct Family {
    os_release: &'static str,
    /// The file that tells of the proxy, and what stands there of others.
    file: &'static str,
    theirs: &'static str,
    repositories: &'static str,
    /// What a login does there before anything is installed.
    login: &'static str,
    install: &'static str,
}

/// A section after `[main]`, and a proxy that is gone.
const ROCKY: Family = Family {
    os_release: "NAME=\"Rocky Linux\"\nVERSION=\"9.4 (Blue Onyx)\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.4\"\n",
    file: "/etc/dnf/dnf.conf",
    theirs: "# see `man dnf.conf` for defaults and possible options\n\n[main]\ngpgcheck=1\nproxy=http://127.0.0.1:9\ninstallonly_limit=3\nbest=True\nskip_if_unavailable=False\n\n[other]\nname=other\nbaseurl=http://192.0.2.1/\nenabled=0\n",
    repositories: "/etc/yum.repos.d",
    login: "",
    install: "dnf --assumeyes --releasever=9 install dip-trial",
};

/// zypper asks libproxy, and Debian's libproxy is built without what reads this file. Login shells of SUSE read it as well.
const OPENSUSE: Family = Family {
    os_release: "NAME=\"openSUSE Leap\"\nVERSION=\"15.6\"\nID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\nVERSION_ID=\"15.6\"\n",
    file: "/etc/sysconfig/proxy",
    theirs: "## Path:\tNetwork/Proxy\n## Type:\tyesno\nPROXY_ENABLED=\"no\"\n\nHTTP_PROXY=\"\"\nHTTPS_PROXY=\"\"\nNO_PROXY=\"localhost, 127.0.0.1\"\n",
    repositories: "/etc/zypp/repos.d",
    login: ". /etc/sysconfig/proxy; [ $PROXY_ENABLED = no ] || export http_proxy=$HTTP_PROXY no_proxy=\"$NO_PROXY\"; ",
    install: "zypper --non-interactive --no-gpg-checks install dip-trial",
};

pub(crate) async fn a_node_with_dnf_asks_a_package_proxy(lab: &Lab) -> Result<Verdict, Failure> {
    asks_a_package_proxy(lab, &ROCKY).await
}

pub(crate) async fn a_node_with_zypper_asks_a_package_proxy(lab: &Lab) -> Result<Verdict, Failure> {
    asks_a_package_proxy(lab, &OPENSUSE).await
}

async fn asks_a_package_proxy(lab: &Lab, family: &Family) -> Result<Verdict, Failure> {
    if let Err(missing) = Requirement::check_all(&[Requirement::Tinyproxy, Requirement::Rpm]) {
        return not_installed(missing.to_string());
    }
    let made = disguise(lab, family).await;
    let told = match made {
        Ok(()) => installs_by_it(lab, family).await,
        Err(error) => Err(error),
    };
    // The node is Debian for all others, whatever came of it.
    let unveiled = unveil(lab, family).await;
    let verdict = told?;
    unveiled?;
    Ok(verdict)
}

/// A repository on another host that the node has no way to, and a node that says it is of this family.
async fn disguise(lab: &Lab, family: &Family) -> Result<(), Failure> {
    let serve = format!(
        "mkdir -p /root/repository && cd /root && printf '{}' >trial.spec
rpmbuild -bb --quiet --define '_rpmdir /root/repository' trial.spec && createrepo_c --quiet repository
systemd-run --quiet --unit=trial-repository --working-directory=/root/repository python3 -m http.server {PORT}
for _ in $(seq 100); do bash -c ': 3<>/dev/tcp/localhost/{PORT}' 2>/dev/null && exit; sleep 0.1; done; exit 1",
        SPEC.replace('%', "%%").replace('\n', "\\n")
    );
    lab.time().ssh(&serve).await?;
    let repository = lab.address(lab.time());
    let Family { os_release, file, theirs, repositories, .. } = family;
    let node = format!(
        "ip route add prohibit {repository}
rm /etc/os-release && cat >/etc/os-release <<'END'\n{os_release}END
[ ! -e {file} ] || mv {file} /root/kept
mkdir -p $(dirname {file}) {repositories} && cat >{file} <<'END'\n{theirs}END
printf '[trial]\\nname=trial\\nenabled=1\\ngpgcheck=0\\nbaseurl=http://{repository}:{PORT}/\\n' >{repositories}/trial.repo"
    );
    lab.node().ssh(&node).await?;
    Ok(())
}

async fn installs_by_it(lab: &Lab, family: &Family) -> Result<Verdict, Failure> {
    let node = lab.node();
    let Family { file, theirs, login, install, .. } = family;
    let install = format!("{login}{install} && test -e /usr/share/dip-trial");
    cannot(node, &install).await?;

    let proxy = Tinyproxy::start(lab.bind.addr.ip()).await?;
    let url = format!("http://{}", proxy.addr);
    let bench = lab.bench_with(json!({}), json!({"package_proxy": {"url": url}}))?;
    let facts = bench.comes_true().await?;
    must(facts.read::<String>(&PACKAGE_PROXY.of(&n1()))? == Some(url), || "the fact says otherwise".to_owned())?;
    node.ssh(&install).await?;

    // As docs/clients.md says that it is taken away.
    node.ssh(&format!("{FORGET}; sed -i '/^# Begin of what dip writes/,/^# End of what dip writes/d' {file}")).await?;
    let after = node.ssh(&format!("cat {file}")).await?;
    must(after.trim_end() == theirs.trim_end(), || format!("what is left of {file} is {after}"))?;
    cannot(node, &install).await?;
    Ok(Verdict::Passed)
}

/// It has no way to the repository.
async fn cannot(node: &Host, install: &str) -> Result<(), Failure> {
    match node.ssh(install).await {
        Ok(told) => Err(format!("the node has no way to the repository, and installs: {told}").into()),
        Err(error) => must(error.to_string().contains("Failed to connect to"), || error.to_string()),
    }
}

async fn unveil(lab: &Lab, family: &Family) -> Result<(), Failure> {
    let Family { file, repositories, .. } = family;
    let repository = lab.address(lab.time());
    let node = format!(
        "{FORGET}; ip route del prohibit {repository}; rm -f {repositories}/trial.repo {file}; [ ! -e /root/kept ] || mv /root/kept {file}
ln -sf ../usr/lib/os-release /etc/os-release"
    );
    lab.node().ssh(&node).await?;
    lab.time().ssh("systemctl stop trial-repository; rm -rf /root/repository /root/rpmbuild /root/trial.spec").await?;
    Ok(())
}
