//! A full disk: `452`, nothing delivered, and the server goes on when there is room again.
//!
//! The disk is a small file system in memory, mounted in a namespace of its own, so that this needs no root and leaves
//! nothing behind.

use std::fs;
use std::process::Command;

use crate::shell::{Failed, failed, output};

const SCRIPT: &str = r#"
set -eu
folder=$1 program=$2
mount -t tmpfs -o size=128m tmpfs "$folder/data"
"$program" serve --data "$folder/data" --listen mx://127.0.0.1:0 --domain example.test \
    --user bob@example.test:secret --json > "$folder/ready" 2> "$folder/log" &
server=$!
trap 'kill $server' EXIT
tail -n +1 -f --pid=$server "$folder/ready" | head -n 1 > "$folder/line"
port=$(sed 's/.*"port":\([0-9]*\).*/\1/' "$folder/line")
send() {
    "$program" send "smtp://127.0.0.1:$port?tls=off" --from a@example.test --to bob@example.test "$folder/message.eml" \
        2>> "$folder/said" && echo 0 || echo $?
}
delivered() {
    find "$folder/data/mail" -type f 2> /dev/null | wc -l
}
head -c 128m /dev/zero > "$folder/data/filler" 2> /dev/null || true
send
delivered
rm "$folder/data/filler"
send
for _ in $(seq 1000); do [ "$(delivered)" = 1 ] && break; sleep 0.01; done
delivered
"#;

/// Runs the case in a mount namespace.
pub(super) fn run() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("data"))?;
    fs::write(folder.path().join("message.eml"), "Subject: x\r\n\r\nhello\r\n")?;
    let mut script = Command::new("unshare");
    script.args(["--user", "--map-root-user", "--mount", "bash", "-c", SCRIPT, "storage"]);
    let said = output(script.arg(folder.path()).arg(super::program()))?;
    let said: Vec<&str> = said.split_whitespace().collect();
    let reply = fs::read_to_string(folder.path().join("said"))?;
    if said != ["75", "0", "0", "1"] || !reply.contains("452") {
        return failed(format!("on a full disk: {said:?}\n{reply}"));
    }
    println!("{:>10}   a full disk: 452, nothing delivered, then it goes on", "serve");
    Ok(())
}
