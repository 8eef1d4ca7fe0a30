//! A TCP port of this machine that leads to a port within a namespace, for clients that cannot enter it.

use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::error::LabError;
use crate::namespace::Namespace;

/// It is shut when it is dropped.
#[derive(Debug)]
pub(crate) struct Door {
    /// Where clients knock.
    pub(crate) addr: SocketAddr,
    shut: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Door {
    /// Opens it to an address within a namespace.
    pub(crate) fn open(namespace: &Namespace, to: SocketAddr) -> Result<Self, LabError> {
        let made = |source| LabError::file("open a door to", namespace.name(), source);
        let way = namespace.way_in()?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(made)?;
        listener.set_nonblocking(true).map_err(made)?;
        let addr = listener.local_addr().map_err(made)?;
        let (shut, shutting) = oneshot::channel();
        // A namespace is entered by one thread; a socket stays in the one that it was made in.
        let thread = std::thread::spawn(move || {
            if way.enter().is_err() {
                return;
            }
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(async {
                    tokio::select! {
                        _ = serve(listener, to) => {}
                        _ = shutting => {}
                    }
                });
            }
        });
        Ok(Self { addr, shut: Some(shut), thread: Some(thread) })
    }
}

async fn serve(listener: TcpListener, to: SocketAddr) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut guests = JoinSet::new();
    loop {
        let (mut guest, _) = listener.accept().await?;
        guests.spawn(async move {
            // Who is not there is told by a connection that ends.
            let mut host = TcpStream::connect(to).await?;
            copy_bidirectional(&mut guest, &mut host).await
        });
        while guests.try_join_next().is_some() {}
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        drop(self.shut.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
