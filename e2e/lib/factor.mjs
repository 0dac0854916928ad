// What a person's devices do: one-time passwords and passkeys, in software.
import crypto from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The one-time password (RFC 6238) of a base32 secret, steps of 30 seconds from now. */
export function totp(secret, steps = 0) {
  let bits = '';
  for (const letter of secret.replace(/=+$/, '')) bits += alphabet.indexOf(letter).toString(2).padStart(5, '0');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = crypto.createHmac('sha1', key).update(counter).digest();
  const code = mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff;
  return String(code % 1_000_000).padStart(6, '0');
}

const sha256 = (data) => crypto.createHash('sha256').update(data).digest();

/** An authenticator with one key, used on the pages of an origin; it verifies its holder. */
export class Authenticator {
  constructor(origin) {
    this.origin = origin;
    this.counter = 0;
    this.id = crypto.randomBytes(32);
    this.key = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  }

  clientData(type, challenge) {
    return Buffer.from(JSON.stringify({ type, challenge, origin: this.origin, crossOrigin: false }));
  }

  /** The signed head of what an authenticator says: which host it is for, that somebody was there and was verified, its counter. */
  head(rpId, flags) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(++this.counter);
    return Buffer.concat([sha256(rpId), Buffer.from([flags]), counter]);
  }

  envelope(response) {
    const id = this.id.toString('base64url');
    const text = Object.fromEntries(Object.entries(response).map(([name, bytes]) => [name, bytes.toString('base64url')]));
    return { id, rawId: id, type: 'public-key', response: text, clientExtensionResults: {} };
  }

  /** The answer to creation options (Web Authentication Level 3, 6.5.4), without attestation. */
  create({ challenge, rp, user }) {
    this.user = Buffer.from(user.id, 'base64url');
    const { x, y } = this.key.publicKey.export({ format: 'jwk' });
    const cose = Buffer.concat([
      Buffer.from('a501020326200121' + '5820', 'hex'),
      Buffer.from(x, 'base64url'),
      Buffer.from('22' + '5820', 'hex'),
      Buffer.from(y, 'base64url'),
    ]);
    const authData = Buffer.concat([this.head(rp.id, 0x45), Buffer.alloc(16), Buffer.from([0, this.id.length]), this.id, cose]);
    const attestationObject = Buffer.concat([
      Buffer.from('a363666d74646e6f6e656761747453746d74a068617574684461746158', 'hex'),
      Buffer.from([authData.length]),
      authData,
    ]);
    return this.envelope({ clientDataJSON: this.clientData('webauthn.create', challenge), attestationObject });
  }

  /** The answer to request options. */
  get({ challenge, rpId }) {
    const clientDataJSON = this.clientData('webauthn.get', challenge);
    const authenticatorData = this.head(rpId, 0x05);
    const signature = crypto.sign('sha256', Buffer.concat([authenticatorData, sha256(clientDataJSON)]), this.key.privateKey);
    return this.envelope({ clientDataJSON, authenticatorData, signature, userHandle: this.user });
  }
}
