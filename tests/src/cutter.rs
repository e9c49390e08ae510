//! A bad line between a client and a server: it breaks after so many bytes, again and again, and what happens at that
//! moment is for the test to say.

use crate::server::Address;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// The test's end of a bad line.
pub struct Cutter {
    /// Where clients find it.
    pub url: String,
    cuts: Receiver<Sender<()>>,
}

/// A line that is about to break: it does when this is dropped.
pub struct Cut(#[allow(dead_code)] Sender<()>);

impl Cutter {
    /// A line to wherever the server is then. It breaks `times` times, each time after `bytes` more bytes from the client.
    pub fn new(server: Address, bytes: u64, times: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let (sender, cuts) = channel();
        let line =
            Arc::new(Line { left: AtomicU64::new(times), bytes, sent: AtomicU64::new(0), cuts: Mutex::new(sender) });
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (url, line) = (server.url(), Arc::clone(&line));
                std::thread::spawn(move || {
                    if let Ok(server) = TcpStream::connect(url.trim_start_matches("http://")) {
                        line.carry(&client, &server);
                    }
                    let _ = client.shutdown(Shutdown::Both);
                });
            }
        });
        Self { url, cuts }
    }

    /// Waits until the line is about to break; `None` when it hasn't for `patience`.
    pub fn next(&self, patience: std::time::Duration) -> Option<Cut> {
        self.cuts.recv_timeout(patience).ok().map(Cut)
    }
}

struct Line {
    /// How often it will still break.
    left: AtomicU64,
    bytes: u64,
    /// Bytes since it broke last.
    sent: AtomicU64,
    cuts: Mutex<Sender<Sender<()>>>,
}

impl Line {
    fn carry(&self, client: &TcpStream, server: &TcpStream) {
        let back = (server.try_clone(), client.try_clone());
        let (Ok(mut from), Ok(mut to)) = back else { return };
        let replies = std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        let (mut from, mut to) = (client, server);
        let mut buffer = [0; 16 << 10];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if to.write_all(&buffer[..n]).is_err() {
                break;
            }
            let sent = self.sent.fetch_add(n as u64, Ordering::SeqCst) + n as u64;
            if sent >= self.bytes && self.left.load(Ordering::SeqCst) > 0 {
                self.left.fetch_sub(1, Ordering::SeqCst);
                self.sent.store(0, Ordering::SeqCst);
                let (done, broken) = channel::<()>();
                let _ = self.cuts.lock().unwrap_or_else(PoisonError::into_inner).send(done);
                // Ends when the test drops its end.
                let _ = broken.recv();
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Both);
        let _ = replies.join();
    }
}
