//! A web server for one folder, with configurable faults.

mod tls;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, thread};

pub use tls::TlsServer;

/// A fault in the response for a file.
#[derive(Clone, Copy)]
pub enum Fault {
    /// The connection ends after half of the file.
    Torn,
    /// The status is 503.
    Unavailable,
    /// The status is 404.
    Missing,
    /// The response has no end.
    Endless,
    /// The second half comes after this time.
    Slow(Duration),
}

type Faults = Arc<Mutex<HashMap<String, (Fault, usize)>>>;

pub struct WebServer {
    address: String,
    faults: Faults,
}

impl WebServer {
    pub fn start(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let faults = Faults::default();
        let known = faults.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, folder, faults) = (stream.unwrap(), folder.clone(), known.clone());
                // A client that closes the connection is not an error of the server.
                thread::spawn(move || drop(serve(stream, &folder, &faults)));
            }
        });
        Self { address, faults }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sets a fault for the next `times` requests of a file, which is given by the end of its path.
    pub fn set_fault(&self, file: &str, fault: Fault, times: usize) {
        self.faults.lock().unwrap().insert(file.to_owned(), (fault, times));
    }
}

fn serve(mut stream: TcpStream, folder: &Path, faults: &Faults) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let file = request.split_whitespace().nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
    let fault = faults.lock().unwrap().iter_mut().find(|(name, _)| file.ends_with(name.as_str())).and_then(
        |(_, (fault, times))| {
            *times = times.checked_sub(1)?;
            Some(*fault)
        },
    );
    let status = |stream: &mut TcpStream, status: &str| {
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    };
    match (fault, fs::read(folder.join(&file))) {
        (Some(Fault::Unavailable), _) => status(&mut stream, "503 Service Unavailable"),
        (Some(Fault::Missing), _) | (_, Err(_)) => status(&mut stream, "404 Not Found"),
        (Some(Fault::Endless), _) => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 4096])?;
            }
        }
        (fault, Ok(bytes)) => {
            let length = bytes.len();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
            if let Some(Fault::Slow(pause)) = fault {
                stream.write_all(&bytes[..length / 2])?;
                thread::sleep(pause);
                return stream.write_all(&bytes[length / 2..]);
            }
            let sent = if matches!(fault, Some(Fault::Torn)) { length / 2 } else { length };
            stream.write_all(&bytes[..sent])
        }
    }
}
