//! What must not compile: an open relay.

#[test]
fn an_open_relay_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
