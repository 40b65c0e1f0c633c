# Delivers one message with Perl's Net::SMTP; the argument is the delivery as JSON.
use strict;
use warnings;
use Authen::SASL;
use JSON::PP qw(decode_json);
use Net::SMTP;

my $delivery = decode_json($ARGV[0]);
my $client = Net::SMTP->new(
    '127.0.0.1',
    Port => $delivery->{port},
    Hello => 'client.test',
    SSL => $delivery->{mode} eq 'implicit',
    SSL_ca_file => $delivery->{trust},
) or die "connect: $@";
sub must {
    my ($step, $done) = @_;
    die "$step: " . $client->code . ' ' . $client->message unless $done;
}
must('starttls', $client->starttls(SSL_ca_file => $delivery->{trust})) if $delivery->{mode} eq 'starttls';
if ($delivery->{mechanism}) {
    my $sasl = Authen::SASL->new(
        mechanism => $delivery->{mechanism},
        callback => {
            user => $delivery->{user}, authname => $delivery->{user}, pass => $delivery->{secret},
        },
    );
    must('auth', $client->auth($sasl));
}
open my $file, '<:raw', $delivery->{content} or die $!;
my $content = do { local $/; <$file> };
my %parameters;
$parameters{Bits} = 8 if $content =~ /[^\x00-\x7f]/;
my @recipients = @{ $delivery->{recipients} };
utf8::encode($_) for @recipients;
$parameters{SMTPUTF8} = 1 if grep { /[^\x00-\x7f]/ } @recipients;
must('mail', $client->mail($delivery->{user}, %parameters));
must('rcpt', $client->recipient(@recipients));
must('data', $client->data);
must('content', $client->datasend($content));
must('end', $client->dataend);
must('quit', $client->quit);
