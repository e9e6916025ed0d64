//! The address of the person, behind reverse proxies too.

use std::net::IpAddr;

use axum::http::HeaderMap;

/// The address of who makes a request: that of the connection, or, if a trusted proxy is connected, the last one in its
/// `X-Forwarded-For` that is not a trusted proxy too. Those before it are what the client itself sent.
pub fn client_address(connected: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.contains(address);
    let connected = connected.to_canonical();
    if !is_trusted(&connected) {
        return connected;
    }
    let fields = headers.get_all("x-forwarded-for").into_iter().filter_map(|value| value.to_str().ok());
    let mut last = connected;
    for text in fields.collect::<Vec<_>>().join(",").rsplit(',') {
        match text.trim().parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) if is_trusted(&address) => last = address,
            Ok(address) => return address,
            Err(_) => return last,
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_say_for_whom_they_ask() {
        let address = |connected: &str, fields: &[&str]| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append("x-forwarded-for", field.parse().unwrap());
            }
            let trusted = ["127.0.0.1", "10.0.0.1"].map(|text| text.parse().unwrap());
            client_address(connected.parse().unwrap(), &headers, &trusted).to_string()
        };
        assert_eq!(address("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(address("127.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(address("::ffff:127.0.0.1", &["1.2.3.4, 198.51.100.7, 10.0.0.1"]), "198.51.100.7");
        assert_eq!(address("127.0.0.1", &["1.2.3.4", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(address("127.0.0.1", &["1.2.3.4, nonsense, 10.0.0.1"]), "10.0.0.1");
        assert_eq!(address("127.0.0.1", &[]), "127.0.0.1");
    }
}
