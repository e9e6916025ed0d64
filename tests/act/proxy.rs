//! A proxy whose connections can be cut.

use super::*;

/// A TCP proxy to the broker whose connections can be cut.
pub struct Proxy {
    pub port: u16,
    open: Arc<AtomicBool>,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    pub fn new(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = Arc::new(AtomicBool::new(true));
        let ends = Arc::new(Mutex::new(Vec::new()));
        let (is_open, shared_ends) = (open.clone(), ends.clone());
        thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                let mut ends = shared_ends.lock().unwrap();
                if !is_open.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", broker)) else { continue };
                forward(near.try_clone().unwrap(), far.try_clone().unwrap());
                forward(far.try_clone().unwrap(), near.try_clone().unwrap());
                ends.extend([near, far]);
            }
        });
        Self { port, open, ends }
    }

    /// Cuts all connections, and refuses new ones.
    pub fn cut(&self) {
        let mut ends = self.ends.lock().unwrap();
        self.open.store(false, Ordering::SeqCst);
        for end in ends.drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Accepts new connections again.
    pub fn restore(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
