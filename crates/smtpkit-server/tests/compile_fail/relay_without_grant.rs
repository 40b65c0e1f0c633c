use smtpkit_server::Route;

fn main() {
    let _route = Route::relay();
}
