//! From a host to a TLS connection with it.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use ::url::{Host, Url};
use ipnet::IpNet;
use rustls::{ClientConfig, RootCertStore, client::Resumption, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::{
    net::TcpStream,
    sync::{Semaphore, oneshot},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::Failure;
use crate::stir::{Outcome, address};

/// Lookups that the resolver has not answered; it may take half a minute to give up.
const MAX_LOOKUPS: usize = 32;
/// Addresses of a name that are looked at.
const MAX_ADDRESSES: usize = 64;
/// Addresses that are tried, one after the other.
const MAX_TRIES: usize = 3;
/// How long one of them may take to answer: a broken way by IPv6 leaves time for IPv4.
const TRY: Duration = Duration::from_millis(700);

/// Why there are no roots.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The file is not there, cannot be read or is no PEM.
    #[error("cannot read the https roots in {}: {detail}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// There is none in it.
    #[error(
        "{} holds no certificate that can be an https root: put PEM certificates of authorities there",
        path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The library cannot be set up.
    #[error("cannot set up https: {0}")]
    Tls(#[from] rustls::Error),
}

pub(super) struct Connector {
    tls: TlsConnector,
    allow: Vec<IpNet>,
    lookups: Arc<Semaphore>,
}

impl Connector {
    pub(super) fn new(file: Option<&Path>, allow: Vec<IpNet>) -> Result<Self, RootsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = file {
            add_roots(&mut roots, path)?;
        }
        if roots.is_empty() {
            tracing::warn!(
                "no https root is known here: install ca-certificates, or set stir.roots"
            );
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A host is asked once a day: its tickets would only be kept.
        config.resumption = Resumption::disabled();
        let lookups = Arc::new(Semaphore::new(MAX_LOOKUPS));
        Ok(Self { tls: Arc::new(config).into(), allow, lookups })
    }

    /// A connection with the host of a URL, which has proved that it is that host.
    pub(super) async fn connect(&self, url: &Url) -> Result<TlsStream<TcpStream>, Failure> {
        let no_host = || Failure::new(Outcome::FetchName, "no host");
        let port = url.port_or_known_default().ok_or_else(no_host)?;
        let (addresses, name) = match url.host().ok_or_else(no_host)? {
            Host::Ipv4(address) => literal(address.into(), port),
            Host::Ipv6(address) => literal(address.into(), port),
            Host::Domain(name) => {
                let server =
                    ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|_| {
                        Failure::new(Outcome::FetchName, format_args!("{name} is no name"))
                    })?;
                (self.lookup(name.to_owned(), port).await?, server)
            }
        };
        let permitted: Vec<_> = addresses
            .iter()
            .filter(|address| address::permitted(address.ip(), &self.allow))
            .take(MAX_TRIES)
            .collect();
        if permitted.is_empty() {
            let shown = addresses.iter().take(MAX_TRIES).map(|address| address.ip().to_string());
            let shown = shown.collect::<Vec<_>>().join(", ");
            return Err(Failure::new(Outcome::FetchAddress, format_args!("{shown} is not asked")));
        }
        let mut failure = no_host();
        for address in permitted {
            match tokio::time::timeout(TRY, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let tls = self.tls.connect(name, stream).await;
                    return tls.map_err(|error| Failure::new(Outcome::FetchTls, error));
                }
                Ok(Err(error)) => {
                    let detail = format_args!("{address}: {error}");
                    failure = Failure::new(Outcome::FetchConnect, detail);
                }
                Err(_) => {
                    let detail = format_args!("{address}: no answer within {} ms", TRY.as_millis());
                    failure = Failure::new(Outcome::FetchTimeout, detail);
                }
            }
        }
        Err(failure)
    }

    /// The system's resolver blocks and cannot be stopped. Each lookup has a thread of its own, of
    /// which there is a set number: the runtime's would all be taken by names that nobody answers
    /// for, and the runtime waits for its own at the end.
    async fn lookup(&self, name: String, port: u16) -> Result<Vec<SocketAddr>, Failure> {
        let failed = |detail: String| Failure::new(Outcome::FetchName, detail);
        let permit = Arc::clone(&self.lookups).try_acquire_owned().map_err(|_| {
            failed(format!("{MAX_LOOKUPS} names wait for this host's resolver already"))
        })?;
        let (tell, told) = oneshot::channel();
        let shown = name.clone();
        let lookup = move || {
            let _permit = permit;
            let found: io::Result<Vec<_>> = (name.as_str(), port)
                .to_socket_addrs()
                .map(|addresses| addresses.take(MAX_ADDRESSES).collect());
            // Whoever asked may be gone by now.
            let _ = tell.send(found);
        };
        thread::Builder::new()
            .name("ani-lookup".to_owned())
            .spawn(lookup)
            .map_err(|error| failed(format!("no thread for the lookup: {error}")))?;
        match told.await {
            Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
            Ok(Ok(_)) => Err(failed(format!("{shown} has no address"))),
            Ok(Err(error)) => Err(failed(format!("{shown}: {error}"))),
            Err(_) => Err(failed(format!("{shown}: the lookup ended early"))),
        }
    }
}

fn literal(address: IpAddr, port: u16) -> (Vec<SocketAddr>, ServerName<'static>) {
    (vec![SocketAddr::new(address, port)], ServerName::IpAddress(address.into()))
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> Result<(), RootsError> {
    let unreadable = |detail: String| RootsError::Unreadable { path: path.to_owned(), detail };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(|found| found.collect::<Result<Vec<_>, _>>())
        .map_err(|error| unreadable(error.to_string()))?;
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(RootsError::Empty { path: path.to_owned() }),
        (_, 0) => Ok(()),
        (_, bad) => Err(unreadable(format!("{bad} of its certificates cannot be an https root"))),
    }
}
