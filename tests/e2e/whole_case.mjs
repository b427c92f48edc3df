// A whole case with three people of an institute and one of another, by mouse and then by keyboard alone: it is taken up, read,
// discussed and narrowed; a cause is marked, confirmed by a second reader, and the case is solved and shared.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { launched, program, run, say, sound, started, tabTo, watch } from './support.mjs';

const folder = await mkdtemp(path.join(tmpdir(), 'lodestone-case-'));
let server, browser, origin;

before(async () => {
  server = spawn(program, ['--data-dir', folder, 'demo', '--listen', '127.0.0.1:0']);
  [, origin] = await started(server);
  browser = await launched();
}, { timeout: 120_000 });

after(async () => {
  await browser?.close();
  const ended = new Promise((resolve) => server.on('exit', resolve));
  server.kill('SIGTERM');
  await ended;
  await rm(folder, { recursive: true, force: true });
});

/** Tab stops of the longest page, the list with its filters. */
const FAR = 600;

let used = '';

/** A code of Gita's that nobody gave before: each counts once. */
async function freshCode() {
  let code = used;
  while (code === used) {
    code = await run('--data-dir', folder, 'totp-code', 'geneticist');
    if (code === used) await new Promise((resolve) => { setTimeout(resolve, 1_000); });
  }
  used = code;
  return code;
}

/** Somebody of the demo at a page of their own. `byKeys`: without a mouse. */
class Person {
  constructor(who, page, byKeys) {
    Object.assign(this, { who, page, byKeys });
  }

  static async enter(who, byKeys) {
    const context = await browser.newContext();
    const person = new Person(who, await watch(context, origin), byKeys);
    await person.page.goto(await run('--data-dir', folder, 'demo-link', who));
    await person.go('main button');
    await person.page.waitForURL(`${origin}/`);
    return person;
  }

  /** Comes to a thing of the page, and presses it. */
  async press(selector) {
    if (!this.byKeys) return this.page.locator(selector).first().click();
    await tabTo(this.page, selector, FAR);
    return this.page.keyboard.press('Enter');
  }

  /** Likewise; it leads to a page. */
  async go(selector) {
    await Promise.all([this.page.waitForEvent('load'), this.press(selector)]);
  }

  /** Ticks a box or chooses one of several. */
  async tick(selector) {
    if (!this.byKeys) return this.page.locator(selector).first().check();
    await tabTo(this.page, selector, FAR);
    return this.page.keyboard.press(' ');
  }

  async type(selector, text) {
    if (this.byKeys) await tabTo(this.page, selector, FAR);
    else await this.page.locator(selector).first().click();
    await this.page.keyboard.type(text);
  }

  text(selector = 'main') {
    return this.page.locator(selector).first().innerText();
  }

  async leave() {
    assert.deepEqual(this.page.wrong, [], `${this.who} met nothing wrong`);
    await this.page.context().close();
  }
}

/** From taking a case up to solving and sharing it. */
async function wholeCase(name, byKeys) {
  const at = `/demo/${name}`;
  const [kim, hanna, gita] = [await Person.enter('clinician', byKeys), await Person.enter('hanna', byKeys), await Person.enter('geneticist', byKeys)];
  const noor = await Person.enter('clinician.demo2', byKeys);
  const refused = async () => (await noor.page.goto(origin + at)).status();

  // A clinician takes it up and reads.
  await kim.go('main a[href="/demo"]');
  await kim.go(`tbody a[href="${at}"]`);
  await kim.go('#work form[action$="/assignees"] button[value="1"]');
  assert.match(await kim.text('#work'), /Kim Demo/);
  await kim.go('[data-key="clinical"]');
  assert.match(kim.page.url(), /clinvar_first/);
  await kim.go('tbody a[href*="/variants/"]');
  const variant = new URL(kim.page.url()).pathname;
  await say(kim.page, '@geneticist, is this *it*?');
  await kim.go('[data-key="pin"]');
  assert.match(await kim.text('[aria-labelledby="decisions"]'), /This variant is pinned/);
  assert.equal(await kim.page.locator('[data-key="causative"]').count(), 0, 'what the cause is geneticists say');
  assert.equal(await kim.page.locator('[data-key="order"]').count(), 0, 'and have it validated');

  // What is of no use is put aside together, and comes back at one key.
  await kim.page.goto(`${origin}${at}/variants?consequence=synonymous_variant&dismissed=hide`);
  const matched = async () => (await (await kim.page.request.get(kim.page.url().replace('/demo/', '/api/v1/demo/'))).json()).matched;
  const before = await matched();
  assert.ok(before > 2, `${before} variants`);
  if (byKeys) await kim.page.keyboard.press('d');
  else await kim.page.locator('#dismissal > summary').click();
  await kim.tick('#several input[value="31"]');
  await kim.go('#several button[value="filter"]');
  assert.match(await kim.text('h1'), /^Dismiss \d+ variants\?/);
  await sound(kim.page);
  const left = await kim.page.locator('[aria-labelledby="left"] li').count();
  await kim.go('main form button.primary');
  assert.equal(await matched(), left, 'they are hidden, but for those that are left alone');
  await Promise.all([kim.page.waitForEvent('load'), kim.page.keyboard.press('z')]);
  assert.equal(await matched(), before, 'and are back');

  // A geneticist marks what was pinned; that alone solves nothing.
  await hanna.page.reload();
  await hanna.go(`a.row-link[href="${at}"]`);
  await hanna.page.goto(`${origin}${at}/variants?pinned=only`);
  await hanna.go(`tbody a[href^="${variant}"]`);
  await hanna.go('[data-key="causative"]');
  assert.match(await hanna.text('[aria-labelledby="decisions"]'), /causative \(not confirmed yet\)/);
  await sound(hanna.page, await (await hanna.page.reload()).text());
  assert.equal(await hanna.page.locator('button[name="agrees"]').count(), 0, 'nobody confirms themselves');

  // Another one was asked, finds it in the own work, and confirms it.
  await gita.page.reload();
  assert.match(await gita.text('[aria-labelledby="mentions-head"]'), new RegExp(`Kim Demo in demo ${name}`));
  const waiting = gita.page.locator('table', { has: gita.page.locator('caption', { hasText: 'Waiting for a second reader' }) });
  assert.match(await waiting.innerText(), new RegExp(name));
  await gita.go(`a.row-link[href="${at}"]`);
  assert.equal(await gita.page.locator('#case-status').inputValue(), 'active');
  await sound(gita.page, await (await gita.page.reload()).text());
  await gita.go('[aria-labelledby="reading-head"] a');
  assert.equal(new URL(gita.page.url()).pathname, variant);
  await gita.go('button[name="agrees"][value="1"]');
  assert.match(await gita.text('[aria-labelledby="decisions"]'), /Gita Demo confirms it/);
  await gita.page.goto(origin + at);
  assert.equal(await gita.page.locator('#case-status').inputValue(), 'solved');

  // Nobody else saw any of it; then the case is shared, to be read.
  assert.equal(await refused(), 404);
  await gita.go(`a[href="${at}/sharing"]`);
  const asksForCode = gita.page.locator('main a[href^="/account/confirm"]');
  if (await asksForCode.count()) {
    await gita.go('main a[href^="/account/confirm"]');
    await gita.type('[name="code"]', await freshCode());
    await Promise.all([gita.page.waitForURL((url) => url.pathname === `${at}/sharing`), gita.page.keyboard.press('Enter')]);
  }
  if (byKeys) await gita.type('#field-with', 'demo2');
  else await gita.page.locator('#field-with').selectOption('demo2');
  await gita.type('#field-purpose', 'a second opinion');
  await gita.go('main form.settings button.primary');
  assert.match(await gita.text('[aria-labelledby="running-head"]'), /demo2[^]*a second opinion/);
  noor.page.wrong.length = 0; // that the case was not there
  assert.equal(await refused(), 200);
  assert.equal(await noor.page.locator('#work').count(), 0, 'a guest changes nothing');
  await noor.page.goto(origin + variant);
  assert.match(await noor.text('[aria-labelledby="decisions"]'), /causative/);
  assert.match(await noor.text('.comment .prose'), /is this it\?/);
  assert.equal(await noor.page.locator('[aria-labelledby="decisions"] form').count(), 0);
  for (const person of [kim, hanna, gita, noor]) await person.leave();
}

test('a whole case, by mouse', { timeout: 180_000 }, () => wholeCase('D24-001', false));

test('a whole case, by keyboard alone', { timeout: 180_000 }, () => wholeCase('D24-007', true));
