//! The client machine in dialogues, which are text files beside this one.
//!
//! | line | meaning |
//! |---|---|
//! | `O: order …` | what the caller asks for |
//! | `C: text` | a line that the machine writes; lines in a row are one flight, no more and no less |
//! | `S: text` | a line that the peer sends |
//! | `E: event` | what the machine tells then, all of it |
//! | `S: EOF` | the peer closes the stream |
//!
//! Every dialogue runs with the peer's lines whole, octet by octet, and cut in two at every place, and with the
//! machine's octets taken whole and one by one: the flights and events must be the same. `# in one segment` stands
//! over a dialogue that is about one cut alone; other `#` lines configure the machine or say why.

mod dialogue;

use dialogue::check;

macro_rules! dialogues {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), include_str!(concat!(stringify!($name), ".txt")));
        })*
    };
}

dialogues! {
    one_message_pipelined
    one_message_one_by_one
    helo_after_ehlo_is_refused
    greeting_refused
    greeting_of_the_wrong_class
    hello_temporarily_refused
    unsolicited_reply_poisons
    unsolicited_421_is_taken
    reply_code_changes_within_a_reply
    sender_refused_pipelined
    sender_refused_one_by_one
    some_recipients_refused
    all_recipients_refused_data_refused
    all_recipients_refused_gets_the_lone_dot
    all_or_nothing_keeps_data_back
    all_or_nothing_goes_on_when_all_are_accepted
    data_refused
    data_answered_with_250
    content_refused_at_its_end
    content_refused_in_its_midst
    unclean_content_gets_no_end
    lost_before_the_dot
    lost_after_the_dot
    unavailable_at_rcpt
    unavailable_at_the_dot
    reset_precedes_the_next_message
    chained_messages
    chained_message_lost_with_the_first
    chunks
    chunk_refused
    lmtp_answers_per_recipient
    lmtp_lost_between_answers
    starttls_forgets_everything
    starttls_injection
    starttls_refused_by_policy
    auth_exchange
    auth_cancelled
    auth_refused_in_plaintext
    commands_and_quit
    size_and_body_are_declared
    size_limit_is_kept
    extensions_are_needed
    limits_are_kept
}
