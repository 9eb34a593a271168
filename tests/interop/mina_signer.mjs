// Answers questions about keys and signatures with npm's mina-signer: a JSON object a line in, one a line out.
import { createInterface } from "node:readline";
import Client from "mina-signer";

const clients = { testnet: new Client({ network: "testnet" }), mainnet: new Client({ network: "mainnet" }) };

const answers = {
  generate: (client) => client.genKeys(),
  derive: (client, { privateKey }) => ({ publicKey: client.derivePublicKey(privateKey) }),
  raw: (client, { publicKey }) => ({ raw: client.publicKeyToRaw(publicKey) }),
  sign: (client, { kind, command, privateKey }) => {
    const signed =
      kind === "payment" ? client.signPayment(command, privateKey) : client.signStakeDelegation(command, privateKey);
    const hash = kind === "payment" ? client.hashPayment : client.hashStakeDelegation;
    return { signature: signed.signature, hash: hash.call(client, signed, { berkeley: true }) };
  },
  verify: (client, { kind, command, publicKey, signature }) => {
    const signed = { data: command, publicKey, signature };
    return { valid: kind === "payment" ? client.verifyPayment(signed) : client.verifyStakeDelegation(signed) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const { ask, network, ...rest } = JSON.parse(line);
    answer = answers[ask](clients[network], rest);
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
