//! An https server on loopback whose answers are what a test says, and that counts what it is asked.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
/// The only port but 443 that certificates may be at.
pub(crate) const PORT: u16 = 8443;

/// What a path answers.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Status line and headers, and the body with its length.
    Whole(&'static str, Vec<u8>),
    /// Bytes as they are, and the end.
    Raw(&'static [u8]),
    /// A redirect to there.
    To(String),
    /// Says that so many bytes come, or nothing of how many, and sends without end.
    Endless(Option<u64>),
    /// A byte now and then.
    Drip,
    /// Nothing, for ever.
    Hang,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Whole("200 OK\r\ncontent-type: application/pem-certificate-chain", body.into())
    }
}

/// What was asked.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    replies: Mutex<HashMap<String, Reply>>,
    asked: Mutex<HashMap<String, usize>>,
    /// Connections that are open.
    open: AtomicUsize,
    /// Connections in all.
    pub(crate) connections: AtomicUsize,
    /// Bytes of endless bodies that were taken from it.
    pub(crate) sent: AtomicU64,
    /// The last head it was sent.
    pub(crate) head: Mutex<String>,
}

impl Seen {
    /// Sets what a path answers.
    pub(crate) fn reply(&self, path: &str, reply: Reply) {
        self.replies.lock().expect("lock").insert(path.to_owned(), reply);
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.asked.lock().expect("lock").get(path).copied().unwrap_or(0)
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

/// The server; its threads end with the test.
pub(crate) struct Server {
    pub(crate) seen: Arc<Seen>,
    /// Where it is, and all its other addresses.
    pub(crate) addresses: Vec<IpAddr>,
    /// The authority of its certificate.
    pub(crate) authority: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_at(1)
    }

    /// One that listens at so many addresses.
    pub(crate) fn start_at(count: usize) -> Self {
        let listeners: Vec<_> = (0..count).map(|_| listen()).collect();
        let addresses: Vec<_> = listeners
            .iter()
            .map(|listener| listener.local_addr().expect("an address").ip())
            .collect();
        let (authority, tls) = identity(&addresses);
        let server = Self { seen: Arc::default(), addresses, authority };
        for listener in listeners {
            let (seen, tls) = (Arc::clone(&server.seen), Arc::clone(&tls));
            accept(listener, move |stream| serve(stream, &tls, &seen));
        }
        server
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}:{PORT}{path}", self.addresses[0])
    }
}

/// A URL of a host that does with each connection what it is told.
pub(crate) fn beside(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = listen();
    let address = listener.local_addr().expect("an address");
    accept(listener, serve);
    format!("https://{address}/a.pem")
}

/// A URL of a host whose certificate is not of the authority, and not for that host.
pub(crate) fn impostor() -> String {
    let (_, tls) = identity(&[IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    let seen = Arc::<Seen>::default();
    beside(move |stream| serve(stream, &tls, &seen))
}

fn accept(listener: TcpListener, serve: impl Fn(TcpStream) + Clone + Send + 'static) {
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
}

/// A listener on an address of 127.0.0.0/8 that no other one has: the port is set, so tests that run
/// beside each other must differ in their addresses.
fn listen() -> TcpListener {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    loop {
        let at = NEXT.fetch_add(1, Ordering::SeqCst);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let last = (at % 250) as u8 + 1;
        let address = Ipv4Addr::new(127, 64 + (high & 63) + (at / 250) as u8 % 2 * 64, low, last);
        if let Ok(listener) = TcpListener::bind(SocketAddr::from((address, PORT))) {
            return listener;
        }
        assert!(at < 10_000, "no address is free");
    }
}

/// An authority, and a certificate of it for some addresses.
fn identity(addresses: &[IpAddr]) -> (String, Arc<ServerConfig>) {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a root");
    let names: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(names)
        .expect("parameters")
        .signed_by(&key, &authority)
        .expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("a configuration");
    (authority.pem(), Arc::new(config))
}

fn serve(stream: TcpStream, tls: &Arc<ServerConfig>, seen: &Seen) {
    let _open = Open::new(seen);
    let connection = ServerConnection::new(Arc::clone(tls)).expect("a connection");
    let mut stream = StreamOwned::new(connection, stream);
    // Whoever goes away in the middle of an answer is what is looked for here.
    let _ = exchange(&mut stream, seen);
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

/// Counts a connection while it is open.
struct Open<'a>(&'a Seen);

impl<'a> Open<'a> {
    fn new(seen: &'a Seen) -> Self {
        seen.connections.fetch_add(1, Ordering::SeqCst);
        seen.open.fetch_add(1, Ordering::SeqCst);
        Self(seen)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

fn exchange(stream: &mut (impl Read + Write), seen: &Seen) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    *seen.head.lock().expect("lock") = head;
    *seen.asked.lock().expect("lock").entry(path.clone()).or_default() += 1;
    let reply = seen.replies.lock().expect("lock").get(&path).cloned();
    match reply.unwrap_or(Reply::Whole("404 Not Found", b"no such file".to_vec())) {
        Reply::Whole(head, body) => {
            let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body].concat())?;
        }
        Reply::Raw(bytes) => stream.write_all(bytes)?,
        Reply::To(to) => {
            let head = format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(head.as_bytes())?;
        }
        Reply::Endless(length) => {
            let length = length.map(|length| format!("content-length: {length}\r\n"));
            let head = format!("HTTP/1.1 200 OK\r\n{}\r\n", length.unwrap_or_default());
            stream.write_all(head.as_bytes())?;
            loop {
                stream.write_all(&[b'x'; 16 * 1024])?;
                seen.sent.fetch_add(16 * 1024, Ordering::SeqCst);
            }
        }
        Reply::Drip => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")?;
            loop {
                stream.write_all(b"x")?;
                stream.flush()?;
                thread::sleep(Duration::from_millis(50));
            }
        }
        Reply::Hang => {
            // Until the other end goes away.
            io::copy(stream, &mut io::sink())?;
        }
    }
    stream.flush()
}
