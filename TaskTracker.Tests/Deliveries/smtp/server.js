// An SMTP server that tests send to. It prints one JSON object a line: first its port, then each message it takes.
// It ends when its standard input does, and so with the test process.
const { readFileSync } = require('node:fs');
const { SMTPServer } = require('smtp-server');

const options = JSON.parse(process.argv[2]);
const print = line => process.stdout.write(JSON.stringify(line) + '\n');

const server = new SMTPServer({
  hideSTARTTLS: !options.tls,
  authOptional: !options.user,
  allowInsecureAuth: true,
  // Without one the server has its own, which nobody trusts.
  ...(options.certificate && { cert: readFileSync(options.certificate), key: readFileSync(options.key) }),
  logger: false,
  onAuth: (auth, session, done) => auth.username === options.user && auth.password === options.password
    ? done(null, { user: auth.username })
    : done(new Error('wrong')),
  onRcptTo: (address, session, done) => address.address.startsWith('unknown')
    ? done(Object.assign(new Error('no such mailbox'), { responseCode: 550 }))
    : done(),
  onData: (stream, session, done) => {
    const parts = [];
    stream.on('data', part => parts.push(part));
    stream.on('end', () => {
      print({
        from: session.envelope.mailFrom.address,
        to: session.envelope.rcptTo.map(recipient => recipient.address),
        user: session.user ?? null,
        secure: session.secure,
        text: Buffer.concat(parts).toString('latin1'),
      });
      done();
    });
  },
});

server.on('error', () => { /* A client that goes away is what some tests are about. */ });
server.listen(0, '127.0.0.1', () => print({ port: server.server.address().port }));
process.stdin.on('end', () => process.exit()).resume();
