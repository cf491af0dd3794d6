//! Every way a fetch can end, each in its own word.

use std::{
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

use crate::{
    rig::{Rig, certificate},
    server::{Reply, Server, beside, impostor},
};
use ani_user::stir::fetch::{MAX_REDIRECTS, TIMEOUT};

#[test]
fn each_answer_ends_in_its_own_word() {
    let server = Server::start();
    let good = certificate("good");
    let page = || b"<html>not found</html>".to_vec();
    let long_head: &'static str = Box::leak(format!("200 OK\r\nx: {}", "x".repeat(100_000)).into());
    for (path, reply, word) in [
        ("/good", Reply::ok(good.clone()), "valid"),
        ("/plain", Reply::Whole("200 OK", good.clone().into()), "valid"),
        (
            "/text-type",
            Reply::Whole("200 OK\r\ncontent-type: text/plain", good.clone().into()),
            "valid",
        ),
        // What it is counts, not what it is called.
        (
            "/wrong-type",
            Reply::Whole("200 OK\r\ncontent-type: text/html", good.clone().into()),
            "valid",
        ),
        ("/page", Reply::Whole("200 OK\r\ncontent-type: text/html", page()), "fetch-type"),
        (
            "/json",
            Reply::Whole("200 OK\r\ncontent-type: application/json", b"{}".to_vec()),
            "fetch-type",
        ),
        ("/garbage", Reply::ok(vec![0xa5; 3000]), "certificate-malformed"),
        ("/half", Reply::ok(&good.as_bytes()[..good.len() / 2]), "certificate-malformed"),
        ("/empty", Reply::ok(""), "fetch-empty"),
        ("/blank", Reply::ok("\r\n \r\n"), "fetch-empty"),
        ("/404", Reply::Whole("404 Not Found", page()), "fetch-status"),
        ("/500", Reply::Whole("500 Broken", page()), "fetch-status"),
        ("/204", Reply::Raw(b"HTTP/1.1 204 No Content\r\n\r\n"), "fetch-status"),
        ("/206", Reply::Whole("206 Partial Content", good.clone().into()), "fetch-status"),
        ("/304", Reply::Raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"), "fetch-status"),
        ("/large", Reply::Endless(Some(1 << 30)), "fetch-too-large"),
        ("/endless", Reply::Endless(None), "fetch-too-large"),
        ("/slow", Reply::Drip, "fetch-timeout"),
        ("/hang", Reply::Hang, "fetch-timeout"),
        ("/no-http", Reply::Raw(b"220 mail.example ESMTP\r\n"), "fetch-http"),
        (
            "/cut",
            Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n-----BEGIN"),
            "fetch-http",
        ),
        ("/nothing", Reply::Raw(b""), "fetch-http"),
        ("/long-head", Reply::Whole(long_head, good.clone().into()), "fetch-http"),
        ("/to-good", Reply::To("/good".to_owned()), "valid"),
        ("/to-loop", Reply::To("/to-loop".to_owned()), "fetch-redirects"),
        ("/to-nowhere", Reply::Raw(b"HTTP/1.1 302 Found\r\n\r\n"), "fetch-redirect-refused"),
        (
            "/to-http",
            Reply::To(server.url("/good").replace("https", "http")),
            "fetch-redirect-refused",
        ),
        ("/to-port", Reply::To("https://8.8.8.8:22/".to_owned()), "fetch-redirect-refused"),
        ("/to-query", Reply::To("/good?a=b".to_owned()), "fetch-redirect-refused"),
        ("/to-file", Reply::To("file:///etc/passwd".to_owned()), "fetch-redirect-refused"),
        ("/to-link-local", Reply::To("https://169.254.169.254/".to_owned()), "fetch-address"),
        ("/to-private", Reply::To("https://10.0.0.1/".to_owned()), "fetch-address"),
        ("/to-loopback", Reply::To("https://[::1]:8443/".to_owned()), "fetch-address"),
        ("/to-mapped", Reply::To("https://[::ffff:192.168.0.1]/".to_owned()), "fetch-address"),
    ] {
        server.seen.reply(path, reply);
        let rig = Rig::new(&server);
        let begun = Instant::now();
        assert_eq!(rig.prefetch(&server.url(path)), word, "{path}");
        assert!(
            begun.elapsed() < TIMEOUT + Duration::from_secs(1),
            "{path}: {:?}",
            begun.elapsed()
        );
        assert_eq!(rig.count(word), 1, "{path}");
        // And so a call is told.
        let told = if word == "valid" { "present" } else { word };
        assert_eq!(rig.find(&server.url(path)), told, "{path}");
        assert_eq!(rig.files().len(), usize::from(word == "valid"), "{path}");
    }
    assert_eq!(server.seen.asked("/to-loop"), MAX_REDIRECTS + 1);
    let head = server.seen.head.lock().expect("lock").to_ascii_lowercase();
    assert!(head.contains("\r\nuser-agent: ani\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nhost: {}:8443\r\n", server.addresses[0])), "{head}");
    assert!(!head.contains("cookie") && !head.contains("referer"), "{head}");
}

#[test]
fn hosts_that_cannot_be_talked_to() {
    let server = Server::start();
    let rig = Rig::new(&server);
    let free = beside(drop);
    // Closed before a word of TLS.
    assert_eq!(rig.prefetch(&free), "fetch-tls");
    let plain = beside(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    assert_eq!(rig.prefetch(&plain), "fetch-tls");
    let silent = beside(|stream| {
        thread::sleep(Duration::from_secs(60));
        drop(stream);
    });
    assert_eq!(rig.prefetch(&silent), "fetch-timeout");
    assert_eq!(rig.prefetch(&impostor()), "fetch-tls");
    // Nothing listens there.
    assert_eq!(rig.prefetch("https://127.255.255.1:8443/a.pem"), "fetch-connect");
    assert_eq!(rig.prefetch("https://no-such-host.invalid/a.pem"), "fetch-name");
    // The server's certificate is not this one's to trust.
    let stranger = Rig::with(&server, |settings| settings.roots = None);
    assert_eq!(stranger.prefetch(&server.url("/a.pem")), "fetch-tls");
    assert_eq!(server.seen.asked("/a.pem"), 0);
}

#[test]
fn nobody_is_sent_to_this_host_or_its_neighbours() {
    let server = Server::start();
    server.seen.reply("/a.pem", Reply::ok(certificate("a")));
    let rig = Rig::with(&server, |settings| settings.allow.clear());
    // An address is refused at once, a name when it is resolved.
    assert_eq!(rig.find(&server.url("/a.pem")), "fetch-address");
    assert_eq!(rig.prefetch(&server.url("/a.pem")), "fetch-address");
    for host in ["localhost", "LOCALHOST:8443"] {
        let url = format!("https://{host}/a.pem");
        assert_eq!(rig.find(&url), "pending", "{host}");
        assert_eq!(rig.found(&url), "fetch-address", "{host}");
    }
    for host in ["10.0.0.1", "169.254.169.254", "[::1]", "[fe80::1]", "0x7f.1", "2130706433", "0"] {
        assert_eq!(rig.find(&format!("https://{host}/a.pem")), "fetch-address", "{host}");
    }
    for url in ["http://cert.example/a.pem", "https://cert.example:80/", "https://a@cert.example/"]
    {
        assert_eq!(rig.find(url), "url-refused", "{url}");
    }
    assert_eq!(server.seen.connections.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[test]
fn what_may_not_be_fetched_is_not() {
    let server = Server::start();
    let rig = Rig::with(&server, |settings| settings.fetch = false);
    assert_eq!(rig.find(&server.url("/a.pem")), "fetch-off");
    assert_eq!(rig.prefetch(&server.url("/a.pem")), "fetch-off");
    assert_eq!(server.seen.connections.load(std::sync::atomic::Ordering::SeqCst), 0);
}
