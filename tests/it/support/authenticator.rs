//! A security key in software: P-256 by `ring`, everything else by hand from Web Authentication level 3, sections 5.8.1 and 6.1.

use data_encoding::BASE64URL_NOPAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Somebody touched the key.
pub const PRESENT: u8 = 0x01;
/// The key knows who.
pub const VERIFIED: u8 = 0x04;
/// A new key follows.
const ATTESTED: u8 = 0x40;

/// One passkey. What a test changes, it lies about.
pub struct SecurityKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    /// The id it gives itself.
    pub id: Vec<u8>,
    /// How often it signed.
    pub counter: u32,
    /// What it says of who is there.
    pub flags: u8,
    /// The host that it believes to be at.
    pub host: String,
    /// The origin that the browser believes to be at.
    pub origin: String,
}

fn text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

impl SecurityKey {
    /// A new one, in a browser that is at this origin.
    pub fn at(origin: &str) -> Self {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pair.as_ref(), &random).unwrap();
        Self {
            id: Sha256::digest(pair.public_key().as_ref()).to_vec(),
            pair,
            random,
            counter: 0,
            flags: PRESENT | VERIFIED,
            host: "localhost".to_owned(),
            origin: origin.to_owned(),
        }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = options["challenge"].as_str().expect("the server asks with a challenge");
        let data = json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false });
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(&self.host).to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// The id as it is stored and sent.
    pub fn name(&self) -> String {
        text(&self.id)
    }

    /// Becomes a passkey: what the browser sends.
    pub fn made(&mut self, options: &Value) -> String {
        self.counter += 1;
        let mut data = self.authenticator_data(self.flags | ATTESTED);
        data.extend([0; 16]); // no model is told
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        let point = self.pair.public_key().as_ref();
        // COSE: {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..]);
        // CBOR: {"fmt": "none", "attStmt": {}, "authData": …}
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(data);
        let response = json!({
            "clientDataJSON": text(&self.client_data("webauthn.create", options)),
            "attestationObject": text(&object),
            "transports": ["usb"],
        });
        self.answer(&response)
    }

    /// Signs: what the browser sends.
    pub fn signed(&mut self, options: &Value) -> String {
        self.counter = self.counter.wrapping_add(1);
        let client = self.client_data("webauthn.get", options);
        let data = self.authenticator_data(self.flags);
        let message: Vec<u8> = data.iter().copied().chain(Sha256::digest(&client)).collect();
        let signature = self.pair.sign(&self.random, &message).unwrap();
        let response = json!({
            "clientDataJSON": text(&client),
            "authenticatorData": text(&data),
            "signature": text(signature.as_ref()),
            "userHandle": null,
        });
        self.answer(&response)
    }

    fn answer(&self, response: &Value) -> String {
        let id = self.name();
        let kind = "public-key";
        json!({ "id": id, "rawId": id, "type": kind, "response": response, "clientExtensionResults": {} }).to_string()
    }
}
