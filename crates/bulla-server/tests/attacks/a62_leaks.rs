//! Secrets in what is printed of a node's parts: whatever a log shows of a request must not open the next one.

use bulla_server::Call;
use bulla_wire::headers;

use crate::support::{device, one_member, space};

/// Clauses: NODE-71.
#[tokio::test]
async fn a62_debug_of_what_serves_shows_no_token() {
    let member = device();
    let node = one_member(&member, space(1)).await.start().await;
    let token = node.token(&*member, &[]).await;
    let bytes = headers::parse_token(&token).unwrap();
    let call = Call { token: Some(bytes), request_id: "named".to_owned(), ..Call::default() };
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let decimal = format!("{bytes:?}");
    let shown = format!("{call:?} {call:#?} {:?} {:#?}", node.service, node.service);
    assert!(shown.contains("named"), "{shown}");
    for secret in [token.trim_start_matches("Bearer "), &hex, decimal.trim_matches(['[', ']'])] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    // Who knows the seed of the verifier foresees the coefficients of its batches (VER-9).
    assert!(shown.contains("Verifier") && !shown.contains("seed"), "{shown}");
    // Pretty-printed, each byte stands on a line of its own.
    let lines: Vec<&str> = shown.lines().map(|line| line.trim().trim_end_matches(',')).collect();
    let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
    assert!(!lines.windows(8).any(|window| bytes[..8] == *window));
}
