// Pages in a real browser whose network is closed but for our server: `make e2e`.
//
// Starts the demo with a folder of its own, signs in with the printed address, then looks at every kind of page, wide and
// light, narrow and dark: no script error, no policy violation, no request to anywhere else, nothing axe-core or
// html-validate finds, no sideways scrolling. Then the keys.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { mkdir, mkdtemp, rm, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { axe, carriesFilter, codeOf, freePort, launched, program, run, say, sound, started, submitted, tabTo, validator, watch } from './support.mjs';

const folder = await mkdtemp(path.join(tmpdir(), 'lodestone-e2e-'));
let server, browser, origin, signIn, provider, issuer;

/** An identity provider, a program of its own, and the configuration that names it. */
async function withProvider() {
  const port = await freePort();
  issuer = `http://127.0.0.1:${port}`;
  const env = { ...process.env, PYTHONPATH: path.join(process.env.E2E_MODULES, 'python') };
  provider = spawn('python3', ['-m', 'oidc_provider_mock', '-p', String(port)], { env, stdio: 'ignore' });
  for (let tries = 0; ; tries += 1) {
    const answer = await fetch(`${issuer}/.well-known/openid-configuration`).catch(() => undefined);
    if (answer?.ok) break;
    assert.ok(tries < 200, 'the identity provider answers');
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  const config = path.join(folder, 'e2e.toml');
  const secret = path.join(folder, 'clinic.secret');
  await writeFile(secret, 'a secret between the two\n');
  await writeFile(config, `[[sign_in.providers]]\nid = "clinic"\nname = "Clinic account"\nissuer = "${issuer}"\nclient_id = "lodestone"\nclient_secret_file = "${secret}"\n`);
  return config;
}

before(async () => {
  const config = await withProvider();
  server = spawn(program, ['--config', config, '--data-dir', folder, 'demo', '--listen', '127.0.0.1:0']);
  [, origin, signIn] = await started(server);
  browser = await launched();
}, { timeout: 120_000 });

after(async () => {
  await browser?.close();
  const ended = new Promise((resolve) => server.on('exit', resolve));
  server.kill('SIGTERM');
  provider?.kill();
  await ended;
  await rm(folder, { recursive: true, force: true });
});

/** A page of the demo, and of nowhere else. */
const watched = (context, elsewhere) => watch(context, origin, elsewhere);

let state; // the signed-in session, taken over by each context
let adminState, auditor, system; // those of an admin, of an auditor and of the system's admin, who read no cases

test('the printed address signs the newcomer in, by keyboard', async () => {
  const context = await browser.newContext();
  const page = await watched(context);
  await page.goto(origin + signIn);
  await page.keyboard.press('Tab');
  for (let i = 0; i < 12 && !(await page.evaluate(() => document.activeElement?.matches('main button'))); i += 1) {
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  await page.waitForURL(`${origin}/`);
  assert.match(await page.locator('h1').innerText(), /My work/);
  await tabTo(page, 'main a[href="/demo"]');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${origin}/demo`);
  assert.match(await page.locator('h1').innerText(), /Cases/);
  assert.deepEqual(page.wrong, []);
  state = await context.storageState();
  await context.close();
});

test('an admin enters by a link of their own and finds the settings', async () => {
  const env = { ...process.env };
  const { stdout } = await promisify(execFile)(program, ['--data-dir', folder, 'demo-link', 'admin'], { env });
  const context = await browser.newContext();
  const page = await watched(context);
  await page.goto(stdout.trim());
  await page.locator('main button').click();
  await page.waitForURL(`${origin}/`);
  await page.goto(`${origin}/demo/settings`);
  assert.match(await page.locator('h1').innerText(), /Enter your role first/);
  await page.locator('main button').click();
  await page.waitForURL(`${origin}/demo/settings`);
  assert.match(await page.locator('.role-bar').innerText(), /admin of demo/);
  page.wrong.length = 0; // that the role was asked for
  const frequency = page.locator('[name=frequency_cutoff]');
  await frequency.fill('2%');
  const answered = page.waitForResponse((answer) => answer.request().method() === 'POST');
  await page.locator('form.settings button').click();
  const rejected = await (await answered).text();
  assert.equal(await frequency.inputValue(), '2%', 'what was typed is kept');
  assert.equal(await frequency.getAttribute('aria-invalid'), 'true');
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document));
  assert.deepEqual(violations.map((one) => one.id), []);
  const report = await validator.validateString(rejected);
  assert.deepEqual(report.results.flatMap((result) => result.messages.map((one) => one.ruleId)), []);
  await frequency.fill('0.02');
  await page.locator('form.settings button').click();
  await page.waitForURL(/settings\?saved=1/);
  assert.deepEqual(page.wrong.filter((text) => !text.includes('status of 422')), []);
  adminState = await context.storageState();
  await context.close();
});

test('the demo has an auditor, who saves a view', async () => {
  const { stdout } = await promisify(execFile)(program, ['--data-dir', folder, 'demo-link', 'auditor']);
  const context = await browser.newContext();
  const page = await watched(context);
  await page.goto(stdout.trim());
  await page.locator('main button').click();
  await page.waitForURL(`${origin}/`);
  await page.locator('main button').click();
  await page.waitForURL(`${origin}/audit`);
  await page.locator('.saved-views > summary').click();
  await page.locator('#view-name').fill('everything');
  await page.locator('.save-view button').click();
  await page.waitForURL(`${origin}/audit`);
  assert.equal(await page.locator('.saved-views li a').first().textContent(), 'everything');
  assert.deepEqual(page.wrong, []);
  auditor = await context.storageState();
  await context.close();
});

test('the demo has an admin of the system, who adds an institute after a code only', async () => {
  const { stdout } = await promisify(execFile)(program, ['--data-dir', folder, 'demo-link', 'system']);
  const context = await browser.newContext();
  const page = await watched(context);
  await page.goto(stdout.trim());
  await page.locator('main button').click();
  await page.goto(`${origin}/admin/users`);
  assert.match(await page.locator('h1').innerText(), /Enter your role first/);
  await page.locator('main button').click();
  await page.waitForURL(`${origin}/admin/users`);
  await page.getByRole('navigation', { name: 'Administration' }).getByRole('link', { name: 'Institutes' }).click();
  await page.locator('#field-id').fill('north');
  await page.locator('#field-name').fill('Clinic of the north');
  const answered = page.waitForResponse((answer) => answer.request().method() === 'POST');
  await page.locator('form.settings button').click();
  assert.equal((await answered).status(), 403);
  assert.match(await page.locator('main').innerText(), /fresh code/);
  assert.deepEqual(page.wrong.filter((text) => !text.includes('status of 403')), []);
  system = await context.storageState();
  await context.close();
});

/** A command on the demo's database. */
const inDemo = async (...words) => {
  const env = { ...process.env, LODESTONE_DATABASE__NAME: 'lodestone_demo' };
  return (await promisify(execFile)(program, ['--data-dir', path.join(folder, 'demo'), ...words], { env })).stdout.trim();
};

test('from a page to sign-in with passphrase and code and back, by keyboard only', async () => {
  const passphrase = (await readFile(path.join(folder, 'demo', 'passphrase'), 'utf8')).trim();
  const context = await browser.newContext();
  const page = await watched(context);
  await page.goto(`${origin}/demo`);
  await page.waitForURL(`${origin}/login`);
  await tabTo(page, '[name=email]');
  await page.keyboard.type('geneticist@lodestone.example');
  await tabTo(page, '[name=passphrase]');
  await page.keyboard.type('not the passphrase');
  await sound(page, await submitted(page));
  assert.equal(await page.locator('[name=email]').inputValue(), 'geneticist@lodestone.example', 'the address is kept');
  assert.equal(await page.locator('[name=passphrase]').getAttribute('aria-invalid'), 'true');
  await tabTo(page, '[name=passphrase]');
  await page.keyboard.type(passphrase);
  await sound(page, await submitted(page, 'GET'));
  await page.waitForURL(`${origin}/login/code`);
  await tabTo(page, '[name=code]');
  await page.keyboard.type('00 00 00');
  await sound(page, await submitted(page));
  await sound(page, await (await page.goto(`${origin}/login/recovery`)).text());
  await page.goto(`${origin}/login/code`);
  await tabTo(page, '[name=code]');
  await page.keyboard.type(await run('--data-dir', folder, 'totp-code', 'geneticist'));
  await page.keyboard.press('Enter');
  await page.waitForURL(`${origin}/demo`);
  assert.match(await page.locator('h1').innerText(), /Cases/);
  assert.deepEqual(page.wrong.filter((text) => !text.includes('status of 403')), []);
  await context.close();
});

test('an invited person sets up a passphrase and an authenticator, by keyboard only', async () => {
  await inDemo('user', 'add', 'new@lodestone.example', '--name', 'Nina New', '--role', 'demo:clinician');
  const link = await inDemo('user', 'invite', 'new@lodestone.example');
  const context = await browser.newContext({ colorScheme: 'dark' });
  const page = await watched(context);
  await page.goto(origin + link.slice(link.indexOf('/auth/')));
  await tabTo(page, '[name=passphrase]');
  await page.keyboard.type('short');
  await tabTo(page, '[name=again]');
  await page.keyboard.type('short');
  await sound(page, await submitted(page));
  for (const field of ['passphrase', 'again']) {
    await tabTo(page, `[name=${field}]`);
    await page.keyboard.type('vier blaue Züge warten');
  }
  await sound(page, await submitted(page, 'GET'));
  await page.waitForURL(`${origin}/auth/enrol`);
  await tabTo(page, 'main button');
  await sound(page, await submitted(page));
  const secret = await page.locator('.secret code').innerText();
  assert.ok(await page.locator('svg.qr').isVisible());
  await tabTo(page, '[name=code]');
  await page.keyboard.type(codeOf(secret));
  await sound(page, await submitted(page));
  assert.equal(await page.locator('.codes li').count(), 10);
  await page.goBack().catch(() => undefined);
  assert.equal(await page.locator('.secret').count(), 0, 'T14: the secret does not come back');
  await sound(page, await (await page.goto(`${origin}/account`)).text());
  assert.deepEqual(page.wrong.filter((text) => !/status of (401|422)/.test(text)), []);
  await context.close();
});

test('an invited person uses the clinic\'s account, and signs in with it', async () => {
  await inDemo('user', 'add', 'olga@lodestone.example', '--name', 'Olga New', '--role', 'demo:clinician');
  const link = await inDemo('user', 'invite', 'olga@lodestone.example');
  const context = await browser.newContext();
  const page = await watched(context, issuer);
  const atProvider = async (button) => {
    await tabTo(page, button);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${issuer}/**`);
    await page.locator('[name=sub][type=text]').fill('olga');
    await page.keyboard.press('Enter');
  };
  const invitation = await page.goto(origin + link.slice(link.indexOf('/auth/')));
  await sound(page, await invitation.text());
  await atProvider('form[action="/login/with/clinic"] button');
  await page.waitForURL(`${origin}/auth/enrol`);
  await tabTo(page, 'main button');
  await submitted(page);
  const secret = await page.locator('.secret code').innerText();
  await tabTo(page, '[name=code]');
  await page.keyboard.type(codeOf(secret));
  await submitted(page);
  assert.equal(await page.locator('.codes li').count(), 10);
  await page.locator('button:has-text("Sign out")').click();
  await page.waitForURL(`${origin}/login`);
  await sound(page, await (await page.goto(`${origin}/login`)).text());
  await atProvider('form[action="/login/with/clinic"] button');
  await page.waitForURL(`${origin}/login/code`);
  // somebody whom the provider knows and the clinic did not invite
  await page.goto(`${origin}/login`);
  await tabTo(page, 'form[action="/login/with/clinic"] button');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${issuer}/**`);
  await page.locator('[name=sub][type=text]').fill('stranger');
  const answered = page.waitForResponse((response) => response.url().startsWith(`${origin}/auth/callback`));
  await page.keyboard.press('Enter');
  await sound(page, await (await answered).text());
  assert.match(await page.locator('h1').innerText(), /not signed in/);
  const own = page.wrong.filter((text) => !/status of (401|403)/.test(text) && !text.includes('cdn.jsdelivr.net') && !text.includes('ERR_FAILED'));
  assert.deepEqual(own, []);
  await context.close();
});

test('one\'s own account, after a fresh code', async () => {
  const link = await run('--data-dir', folder, 'demo-link', 'researcher');
  const context = await browser.newContext();
  const page = await watched(context);
  await page.goto(link);
  await page.locator('main button').click();
  const asked = await page.goto(`${origin}/account/totp`);
  assert.match(page.url(), /account\/confirm\?class=administration/);
  await sound(page, await asked.text());
  await tabTo(page, '[name=code]');
  await page.keyboard.type(await run('--data-dir', folder, 'totp-code', 'researcher'));
  await page.keyboard.press('Enter');
  await page.waitForURL(`${origin}/account/totp`);
  await tabTo(page, 'main button');
  await sound(page, await submitted(page));
  for (const place of ['passphrase', 'recovery']) {
    const answer = await page.goto(`${origin}/account/${place}`);
    await sound(page, await answer.text());
  }
  await tabTo(page, 'main button');
  await sound(page, await submitted(page));
  assert.equal(await page.locator('.codes li').count(), 10);
  assert.deepEqual(page.wrong, []);
  await context.close();
});

test('a passkey is added, signs in and confirms, at a demo that has a host name', { timeout: 180_000 }, async () => {
  const port = await freePort();
  const named = `http://localhost:${port}`;
  const data = path.join(folder, 'named');
  await mkdir(data);
  const config = path.join(data, 'named.toml');
  await writeFile(config, `[server]\nbase_url = "${named}"\n`);
  const another = spawn(program, ['--config', config, '--data-dir', data, 'demo', '--listen', `127.0.0.1:${port}`]);
  const ended = new Promise((resolve) => { another.on('exit', resolve); });
  try {
    const [, , link] = await started(another);
    const context = await browser.newContext();
    const page = await watched(context, named);
    const keys = await context.newCDPSession(page);
    await keys.send('WebAuthn.enable');
    const options = { protocol: 'ctap2', transport: 'usb', hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
    await keys.send('WebAuthn.addVirtualAuthenticator', { options });

    await page.goto(named + link);
    await page.locator('main button').click();
    await page.waitForURL(`${named}/`);
    await page.goto(`${named}/account/passkeys`);
    assert.match(page.url(), /account\/confirm\?class=administration/);
    assert.equal(await page.locator('[data-passkey]').count(), 0, 'there is none yet');
    await page.locator('[name=code]').fill(await run('--data-dir', data, 'totp-code', 'clinician'));
    await page.keyboard.press('Enter');
    await page.waitForURL(`${named}/account/passkeys`);
    await sound(page, await (await page.reload()).text());
    await tabTo(page, '[name=name]');
    await page.keyboard.type('key on my ring');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${named}/account?done=passkey`);
    await sound(page, await (await page.reload()).text());
    assert.match(await page.locator('[aria-labelledby=passkeys-head]').innerText(), /key on my ring/);

    // The same key once more is told of by the browser.
    await page.goto(`${named}/account/passkeys`);
    await page.locator('[name=name]').fill('the same');
    await page.keyboard.press('Enter');
    await page.locator('output', { hasText: 'a passkey of yours already' }).waitFor();

    await page.goto(`${named}/account`);
    await page.locator('header form[action="/logout"] button').click();
    await page.waitForURL(`${named}/login`);
    await page.locator('[name=email]').fill('clinician@lodestone.example');
    await page.locator('[name=passphrase]').fill((await readFile(path.join(data, 'demo', 'passphrase'), 'utf8')).trim());
    await page.keyboard.press('Enter');
    await page.waitForURL(`${named}/login/code`);
    await sound(page, await (await page.reload()).text());
    await tabTo(page, '[data-passkey] button');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${named}/`);

    await page.goto(`${named}/account/totp`);
    assert.match(page.url(), /account\/confirm\?class=administration/);
    await sound(page, await (await page.reload()).text());
    await page.locator('[data-passkey] button').click();
    await page.waitForURL(`${named}/account/totp`);

    assert.deepEqual(page.wrong, []);
    await context.close();
  } finally {
    another.kill('SIGTERM');
    await ended;
  }
});

async function addresses(page) {
  const links = (selector) => page.locator(selector).first().getAttribute('href');
  const casePage = '/demo/D24-001'; // nobody has begun with it
  await page.goto(origin + casePage);
  const clinical = await links('main a[href*="clinvar_first"]');
  const list = `${casePage}/variants`;
  await page.goto(origin + list);
  const variant = await links('tbody a[href*="/variants/"]');
  const found = `${casePage}/find?q=SCN1A&consequence=stop_gained`;
  await page.goto(origin + casePage);
  if ((await page.locator('.comment').count()) === 0) await say(page, '**Ask** the parents.\n\n| who | when |\n|---|---|\n| mother | Friday |');
  const comment = await links('.comment a.more');
  await page.goto(origin + '/demo/D24-003/variants?region=6:98875562');
  const order = `${(await links('tbody a[href*="/variants/"]')).split('?')[0]}/order`;
  return { start: '/', cases: '/demo', worklist: '/demo/cases/worklist', 'case': casePage, sharing: `${casePage}/sharing`, list, clinical, variant, found, 'no such page': '/demo/nothing', 'wrong filter': `${list}?gnomad_af_max=7`, 'sign-in': '/login', account: '/account', tokens: '/account/tokens', mentions: '/mentions', timeline: `${casePage}/timeline`, comment, 'saved filters': '/demo/cases/filters', 'worked on': '/demo/D24-003', 'its list': '/demo/D24-003/variants', 'its timeline': '/demo/D24-003/timeline', 'decisions to look at': '/demo/D24-003/changed', order, consent: '/demo/D24-004/consent', 'who reads it': '/demo/D22-117/restriction', 'research lists, open': '/demo/D22-117/research', 'a research list': '/demo/D22-117/variants?list=research', 'research lists, closed': '/demo/D24-003/research', 'cases of a group': '/demo?group=Mitochondrial+2024', 'within consent': '/demo/D24-004/variants?gene=BRCA2' };
}

test('somebody who tries names is flagged, and the auditor sees it', async () => {
  const clinician = await browser.newContext({ storageState: state });
  for (let number = 0; number < 12; number += 1) {
    assert.equal((await clinician.request.get(`${origin}/demo/guess-${number}`)).status(), 404);
  }
  await clinician.close();
  const env = { ...process.env, LODESTONE_DATABASE__NAME: 'lodestone_demo' };
  await promisify(execFile)(program, ['--data-dir', path.join(folder, 'demo'), 'audit', 'flags'], { env });
  const context = await browser.newContext({ storageState: auditor });
  const page = await watched(context);
  await page.goto(`${origin}/audit/flags`);
  assert.match(await page.locator('main').innerText(), /refus/i);
  assert.deepEqual(page.wrong, []);
  await context.close();
});

/** Pages of an admin. */
const administration = { 'start of an admin': '/', roles: '/account/roles', 'emergency access': '/break-glass', settings: '/demo/settings', addresses: '/demo/settings/addresses', 'no case for an admin': '/demo/D24-001' };

/** Pages of an admin of the system. */
async function systemAddresses(page) {
  await page.goto(`${origin}/admin/users`);
  const person = await page.locator('tbody th a').first().getAttribute('href');
  return { people: '/admin/users', person, institutes: '/admin/institutes', institute: '/admin/institutes/demo', 'no such institute': '/admin/institutes/nowhere', providers: '/admin/providers', 'addresses of the system': '/admin/addresses' };
}

/** Pages of the demo's auditor, reached by links as an auditor would. */
async function auditAddresses(page) {
  const href = (selector) => page.locator(selector).first().getAttribute('href');
  await page.goto(`${origin}/audit?action=%2F%7Binstitute%7D%2F%7Bcase%7D`);
  const whoOpened = await href('td[data-label="Case"] a');
  const whatDid = await href('td[data-label="Person"] a');
  const entry = await href('tbody a.row-link');
  await page.goto(`${origin}/audit/flags`);
  const flag = await href('main a[href^="/audit/flags/"]');
  return {
    trail: '/audit', live: '/audit?live=1', 'who opened': whoOpened, 'what a person did': whatDid, entry, notice: '/audit/notice', erasures: '/audit/erasures', redactions: '/audit/redactions',
    flags: '/audit/flags', flag, 'no such flag': '/audit/flags/none', 'no such entry': '/audit/entries/none', 'wrong question': '/audit?outcome=well', 'nothing found': '/audit?case=none', 'auditor\'s start': '/',
  };
}

for (const [look, width, colorScheme] of [['wide and light', 1440, 'light'], ['narrow and dark', 400, 'dark'], ['very narrow', 320, 'light']]) {
  test(`every kind of page, ${look}`, { timeout: 180_000 }, async (t) => {
    const viewport = { width, height: 900 };
    const contexts = await Promise.all([state, adminState, auditor, system].map((storageState) => browser.newContext({ viewport, colorScheme, storageState })));
    const [reader, admin, reviewer, overseer] = await Promise.all(contexts.map(watched));
    const seen = [[reader, await addresses(reader)], [admin, administration], [reviewer, await auditAddresses(reviewer)], [overseer, await systemAddresses(overseer)]];
    for (const [page, name, address] of seen.flatMap(([page, all]) => Object.entries(all).map(([name, address]) => [page, name, address]))) {
      await t.test(name, async () => {
        page.wrong = [];
        const answer = await page.goto(origin + address);
        const expected = { 'no such page': 404, 'no case for an admin': 404, 'wrong filter': 422, 'no such entry': 404, 'no such flag': 404, 'no such institute': 404, 'wrong question': 422 }[name] ?? 200;
        assert.equal(answer.status(), expected);
        const found = page.wrong.filter((text) => !(expected !== 200 && text.includes(`status of ${expected}`)));
        assert.deepEqual(found, []);
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(sideways <= 0, `scrolls sideways by ${sideways} px`);
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
        assert.deepEqual(violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`), []);
        if (width === 1440) {
          const report = await (['clinical', 'found', 'people', 'person'].includes(name) ? carriesFilter : validator).validateString(await answer.text());
          const messages = report.results.flatMap((result) => result.messages.map((one) => `${one.line}: ${one.ruleId} ${one.message}`));
          assert.deepEqual(messages, []);
        }
      });
    }
    await Promise.all(contexts.map((context) => context.close()));
  });
}

test('rows are walked and opened by keys', async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, storageState: state });
  const page = await watched(context);
  const { list } = await addresses(page);
  await page.goto(origin + list);
  const second = await page.locator('tbody a[href*="/variants/"]').nth(1).getAttribute('href');
  assert.ok(second);
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('o');
  await page.waitForURL(/\/variants\/[a-z2-7]{26}/);
  await page.keyboard.press('u');
  await page.waitForURL((url) => url.pathname === list);
  await page.keyboard.press('c');
  await page.waitForURL(/clinvar_first/);
  await page.keyboard.press('?');
  assert.ok(await page.locator('dialog[open]').isVisible());
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  assert.ok(await page.evaluate(() => document.activeElement?.getAttribute('name') === 'gene'));
  await page.keyboard.type('jo');
  assert.equal(await page.evaluate(() => document.activeElement.value.endsWith('jo')), true, 'keys are off in fields');
  assert.deepEqual(page.wrong, []);
  await context.close();
});

test('a variant is pinned, dismissed with a reason and undone by keys alone', async () => {
  const context = await browser.newContext({ storageState: state });
  const page = await watched(context);
  const { variant } = await addresses(page);
  const at = origin + variant.split('?')[0];
  const decisions = () => page.locator('[aria-labelledby=decisions] strong').allInnerTexts();
  const press = async (key) => {
    await Promise.all([page.waitForURL(/#decisions$/), page.keyboard.press(key)]);
    await page.goto(at);
  };
  await page.goto(at);
  const before = await decisions();
  await press('s');
  assert.notDeepEqual(await decisions(), before);
  await press('s');
  assert.deepEqual(await decisions(), before);
  await page.keyboard.press('d');
  assert.equal(await page.evaluate(() => document.activeElement?.name), 'reason');
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await page.waitForURL(/#decisions$/);
  assert.match((await decisions()).join(), /dismissed: common in public databases/);
  await page.goto(at);
  await press('z');
  assert.deepEqual(await decisions(), before);
  assert.deepEqual(page.wrong, []);
  await context.close();
});

test('a validation is ordered and taken back by keys alone, on a variant and in the list', async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await watched(context);
  await page.goto(await run('--data-dir', folder, 'demo-link', 'geneticist'));
  await page.locator('main button').click();
  await page.waitForURL(`${origin}/`);
  const { list, variant } = await addresses(page);
  const at = origin + variant.split('?')[0];
  const decisions = () => page.locator('[aria-labelledby=decisions] strong').allInnerTexts();
  const press = (key) => Promise.all([page.waitForEvent('load'), page.keyboard.press(key)]);
  await page.goto(at);
  const before = await decisions();
  await press('v');
  assert.match((await decisions()).join(), /to be validated, order V-/);
  await page.keyboard.press('v'); // a second press orders nothing, and cancels nothing
  assert.match((await decisions()).join(), /to be validated, order V-/);
  await press('z');
  assert.deepEqual(await decisions(), before);
  await page.goto(origin + list);
  const waiting = () => page.locator('tbody .badge', { hasText: 'to be validated' }).count();
  const ordered = await waiting();
  await page.keyboard.press('v'); // no row is at hand
  assert.equal(await page.locator('button.order').first().isVisible(), false, 'by its key only');
  await page.keyboard.press('j');
  await press('v');
  await page.waitForURL(/#v-/);
  assert.equal(await waiting(), ordered + 1);
  await press('z');
  assert.equal(await waiting(), ordered);
  assert.deepEqual(page.wrong, []);
  await context.close();
});

test('several variants are dismissed, all of a filter after one question, and undone, by keys alone', async () => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, storageState: state });
  const page = await watched(context);
  const list = `${origin}/demo/D24-007/variants`;
  const dismissed = () => page.locator('tbody .badge.dismissed').count();
  const rows = () => page.locator('tbody tr[data-copy]').count();
  await page.goto(`${list}?consequence=synonymous_variant`);
  const shown = await rows();
  assert.ok(shown > 3 && (await dismissed()) === 0);
  // One, where the reader is; the next row is at hand.
  await page.keyboard.press('j');
  await page.keyboard.press('d');
  assert.equal(await page.evaluate(() => document.activeElement?.name), 'reason');
  await page.keyboard.press('Space');
  await Promise.all([page.waitForURL(/#v-/), page.keyboard.press('Enter')]);
  assert.equal(await dismissed(), 1);
  await page.keyboard.press('x');
  assert.equal(await page.locator('tbody tr[data-copy]').nth(1).locator('.pick').isChecked(), true);
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('z')]);
  assert.equal(await dismissed(), 0);
  // All of the filter, after one question.
  await page.goto(`${list}?consequence=synonymous_variant`);
  await page.keyboard.press('d');
  await page.keyboard.press('Space');
  await tabTo(page, 'button[value="filter"]');
  const [answer] = await Promise.all([page.waitForResponse(/variants\/dismiss/), page.waitForURL(/variants\/dismiss/), page.keyboard.press('Enter')]);
  assert.match(await page.locator('h1').innerText(), /^Dismiss \d+ variants\?$/);
  await sound(page, await answer.text());
  await page.setViewportSize({ width: 1440, height: 900 });
  await tabTo(page, 'main form button.primary');
  await Promise.all([page.waitForURL(/variants\?consequence/), page.keyboard.press('Enter')]);
  assert.ok((await dismissed()) > 1);
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('z')]);
  assert.equal(await dismissed(), 0);
  assert.deepEqual(page.wrong, []);
  await context.close();
});

test('a case is taken, tagged and given a status by keys, and found under one’s work', async () => {
  const context = await browser.newContext({ storageState: state });
  const page = await watched(context);
  const { case: at } = await addresses(page);
  const name = decodeURIComponent(at.split('/').pop());
  const pressed = async () => {
    await Promise.all([page.waitForURL(/#work$/), page.waitForEvent('load'), page.keyboard.press('Enter')]);
    await page.goto(origin + at);
  };
  await page.goto(origin + at);
  await tabTo(page, '#work form[action$="/assignees"] button[value="1"]');
  await pressed();
  await tabTo(page, '#add-tag');
  await page.keyboard.type('carrier');
  await page.keyboard.press('Tab');
  await pressed();
  await tabTo(page, '#case-status');
  await page.keyboard.type('prio');
  await page.keyboard.press('Tab');
  await pressed();
  assert.equal(await page.locator('#case-status').inputValue(), 'prioritized');
  assert.match(await page.locator('#work .tag').allInnerTexts().then((all) => all.join()), /carrier/);
  await sound(page, await (await page.reload()).text());
  const work = await page.goto(`${origin}/`);
  await sound(page, await work.text());
  const mine = page.locator('table', { has: page.locator('caption', { hasText: 'Assigned to me' }) });
  assert.match(await mine.innerText(), new RegExp(`${name}[^]*prioritized`));
  assert.deepEqual(page.wrong, []);
  await context.close();
});

test('a comment is written by keys, and who is mentioned finds it', async () => {
  const context = await browser.newContext({ storageState: state });
  const page = await watched(context);
  const { variant } = await addresses(page);
  await page.goto(origin + variant);
  await page.locator('a[href$="#colleagues"]').click();
  const own = (await page.locator('#colleagues li').first().textContent()).match(/@[\w.-]+/)[0];
  await page.goto(origin + variant);
  await say(page, `${own}, is this *the* cause?`);
  const said = page.locator('.comment:target');
  assert.equal((await said.locator('.prose').innerText()).trim(), `${own}, is this the cause?`);
  assert.equal(await said.locator('.prose strong').innerText(), own);
  await page.goto(origin + variant.split('?')[0].replace(/\/[a-z2-7]{26}$/, '?commented=only'));
  assert.match(await page.locator('.badge.commented').first().innerText(), /^\d+ comments?$/);
  assert.deepEqual(page.wrong, []);
  await context.close();
});

test('S18: after signing out, the back button shows no patient', async () => {
  const context = await browser.newContext();
  const page = await watched(context);
  await page.goto(await run('--data-dir', folder, 'demo-link', 'clinician'));
  await page.locator('main button').click();
  await page.waitForURL(`${origin}/`);
  for (const path of ['/demo', '/demo/D24-002', '/demo/D24-002/variants']) await page.goto(origin + path);
  assert.match(await page.locator('main').innerText(), /CFTR/);
  await page.locator('header form[action="/logout"] button').click();
  await page.waitForURL(`${origin}/login`);
  for (let back = 0; back < 4; back += 1) {
    await page.goBack().catch(() => undefined);
    const shown = await page.content();
    for (const told of ['CFTR', 'D24-002']) assert.ok(!shown.includes(told), `${told} at ${page.url()}`);
  }
  await context.close();
});

test('everything works without scripts', async () => {
  const context = await browser.newContext({ javaScriptEnabled: false, storageState: state });
  const page = await context.newPage();
  await page.goto(`${origin}/demo/D24-001/variants`);
  const gene = page.locator('[name=gene]');
  if (!(await gene.isVisible())) await page.locator('#filters > summary').click();
  await gene.fill('SCN1A');
  await page.locator('form.filters button[type=submit]').first().click();
  assert.match(page.url(), /gene=SCN1A/);
  assert.ok((await page.locator('tbody tr').count()) >= 1);
  await page.locator('form[action="/logout"] button').click();
  await page.waitForURL(`${origin}/login`);
  await context.close();
});

test('what the demo shows is what its files say', { timeout: 120_000 }, async () => {
  const manifest = JSON.parse(await readFile(path.join(folder, 'demo', 'files', 'manifest.json'), 'utf8'));
  assert.ok(manifest.cases.length >= 8);
  for (const one of manifest.cases) {
    const env = { ...process.env, LODESTONE_DATABASE__NAME: 'lodestone_demo' };
    // Rejects, and so fails the test, unless the command ends with 0.
    const { stdout } = await promisify(execFile)(program, ['--data-dir', path.join(folder, 'demo'), 'validate', one.family_name], { env });
    assert.match(stdout, /page view: \d+ variants, \d+ values compared, 0 differences/, one.family_name);
  }
});
