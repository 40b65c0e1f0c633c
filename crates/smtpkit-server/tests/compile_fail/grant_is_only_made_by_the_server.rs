use smtpkit_server::{GrantReason, RelayGrant, Route};

fn main() {
    let _route = Route::relay(RelayGrant { reason: GrantReason::TrustedNetwork });
}
