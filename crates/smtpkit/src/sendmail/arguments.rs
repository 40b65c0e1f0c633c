//! The flags of sendmail, which no parser for modern ones reads: values stand behind a space or at once, and most of
//! them mean nothing any more.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::exit::{Exit, Failure};

/// What the program is asked to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Take one message from standard input.
    #[default]
    Submit,
    /// Speak SMTP on standard input and output.
    Dialogue,
    /// List the queue.
    Queue,
    /// Something that needs no doing: run the queue, compile the aliases.
    Nothing,
    Help,
}

/// The command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) mode: Mode,
    pub(crate) recipients: Vec<String>,
    /// -t
    pub(crate) reads_recipients: bool,
    /// -i
    pub(crate) ignores_dots: bool,
    pub(crate) from: Option<String>,
    pub(crate) full_name: Option<String>,
    pub(crate) notify: Option<String>,
    pub(crate) returned: Option<String>,
    pub(crate) envelope_id: Option<String>,
    pub(crate) config: Option<PathBuf>,
    pub(crate) verbose: bool,
}

impl Arguments {
    pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Self, Failure> {
        let mut parsed = Self::default();
        let mut rest = arguments.into_iter().map(text);
        while let Some(argument) = rest.next() {
            let argument = argument?;
            let Some(flag) = argument.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
                parsed.recipients.push(argument);
                continue;
            };
            if flag == "-" {
                for recipient in rest.by_ref() {
                    parsed.recipients.push(recipient?);
                }
                break;
            }
            parsed.take(flag, &mut rest)?;
        }
        Ok(parsed)
    }

    fn take(
        &mut self,
        flag: &str,
        rest: &mut impl Iterator<Item = Result<String, Failure>>,
    ) -> Result<(), Failure> {
        let mut letters = flag.chars();
        let letter = letters.next().unwrap_or_default();
        let attached = letters.as_str();
        let mut value = || match attached {
            "" => rest.next().unwrap_or_else(|| {
                Err(Failure::new(Exit::Usage, format!("-{letter} needs a value behind it")))
            }),
            attached => Ok(attached.to_owned()),
        };
        match letter {
            'f' | 'r' => self.from = Some(value()?),
            'F' => self.full_name = Some(value()?),
            'N' => self.notify = Some(value()?),
            'R' => self.returned = Some(value()?),
            'V' => self.envelope_id = Some(value()?),
            'C' => self.config = Some(PathBuf::from(value()?)),
            // taken with their values, and without effect
            'B' | 'h' | 'L' | 'p' | 'X' | 'O' => drop(value()?),
            'o' => self.option(&value()?),
            'b' => self.mode = mode(&value()?)?,
            'A' | 'd' | 'e' => {}
            'q' => self.mode = Mode::Nothing,
            '-' if flag == "-help" => self.mode = Mode::Help,
            _ => self.switches(flag)?,
        }
        Ok(())
    }

    /// `-oi` and its many siblings.
    fn option(&mut self, option: &str) {
        self.ignores_dots |= option == "i";
    }

    /// Switches without values, which may stand together: `-ti`.
    fn switches(&mut self, letters: &str) -> Result<(), Failure> {
        for letter in letters.chars() {
            match letter {
                't' => self.reads_recipients = true,
                'i' => self.ignores_dots = true,
                'v' => self.verbose = true,
                'G' | 'm' | 'n' | 'U' | 'x' | 's' | 'E' => {}
                other => {
                    return Err(Failure::new(
                        Exit::Usage,
                        format!("-{other} is no flag of sendmail; see `smtpkit sendmail --help`"),
                    ));
                }
            }
        }
        Ok(())
    }
}

fn text(argument: OsString) -> Result<String, Failure> {
    argument
        .into_string()
        .map_err(|argument| Failure::new(Exit::Usage, format!("`{}` is not UTF-8 text", argument.display())))
}

fn mode(letter: &str) -> Result<Mode, Failure> {
    match letter {
        "m" => Ok(Mode::Submit),
        "s" => Ok(Mode::Dialogue),
        "p" => Ok(Mode::Queue),
        "i" => Ok(Mode::Nothing),
        other => Err(Failure::new(
            Exit::Usage,
            format!("-b{other} is nothing that can be done here; only -bm and -bs are"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, Failure> {
        Arguments::parse(line.split(' ').filter(|word| !word.is_empty()).map(OsString::from).collect())
    }

    #[test]
    fn what_old_programs_say() {
        let check = |line: &str, expected: Arguments| assert_eq!(parse(line).unwrap(), expected, "{line}");
        let base = Arguments::default;
        let some = |text: &str| Some(text.to_owned());
        check("-t -i", Arguments { reads_recipients: true, ignores_dots: true, ..base() });
        check("-ti -oem", Arguments { reads_recipients: true, ignores_dots: true, ..base() });
        check(
            "-oi -f a@x.test b@x.test",
            Arguments {
                ignores_dots: true,
                from: some("a@x.test"),
                recipients: vec!["b@x.test".to_owned()],
                ..base()
            },
        );
        check("-fa@x.test -r b@x.test", Arguments { from: some("b@x.test"), ..base() });
        check(
            "-FAda -N delay,failure -R hdrs",
            Arguments {
                full_name: some("Ada"),
                notify: some("delay,failure"),
                returned: some("hdrs"),
                ..base()
            },
        );
        check(
            "-B 8BITMIME -O DeliveryMode=b -odb -em -- -odd",
            Arguments { recipients: vec!["-odd".to_owned()], ..base() },
        );
        check("-bs", Arguments { mode: Mode::Dialogue, ..base() });
        check("-b m", base());
        check("-q15m", Arguments { mode: Mode::Nothing, ..base() });
        check("-bp", Arguments { mode: Mode::Queue, ..base() });
        check("--help", Arguments { mode: Mode::Help, ..base() });
    }

    #[test]
    fn mistakes_are_told() {
        for line in ["-f", "-z", "-bd", "-tz"] {
            assert_eq!(parse(line).unwrap_err().exit(), Exit::Usage, "{line}");
        }
    }
}
