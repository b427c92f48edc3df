// What the browser's checks share: the demo as a process, a browser whose network is closed but for it, and looking at pages.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';

const require = createRequire(path.join(process.env.E2E_MODULES, 'package.json'));
const { chromium } = require('playwright-core');
const { HtmlValidate } = require('html-validate');
export const axe = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');

export const program = process.env.E2E_PROGRAM;

/** The browser. */
export function launched() {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** The demo's printed address, once it serves. */
export function started(child) {
  return new Promise((resolve, reject) => {
    let said = '', log = '';
    child.stderr.on('data', (text) => { log += text; });
    child.stdout.on('data', (text) => {
      said += text;
      const found = said.match(/(http:\/\/(?:127\.0\.0\.1|localhost):\d+)(\/auth\/demo\?token=\w+)/);
      if (found) resolve(found);
    });
    child.on('exit', (code) => reject(new Error(`the demo ended with ${code}: ${log.slice(-2000)}`)));
  });
}

/** A port that is free now. */
export function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => { const { port } = probe.address(); probe.close(() => resolve(port)); });
  });
}

/** A page that notes everything that should not happen on it. `elsewhere`: the one other place it may ask. */
export async function watch(context, origin, elsewhere) {
  const page = await context.newPage();
  page.wrong = [];
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) page.wrong.push(message.text()); });
  page.on('pageerror', (error) => page.wrong.push(error.message));
  page.on('dialog', (dialog) => { page.wrong.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  await page.route('**', (route) => {
    const url = route.request().url();
    if (url.startsWith(origin) || url.startsWith('data:') || (elsewhere && url.startsWith(elsewhere))) return route.continue();
    page.wrong.push(`a request to ${route.request().url()}`);
    return route.abort();
  });
  return page;
}

const rules = { 'no-trailing-whitespace': 'off', 'long-title': 'off', 'form-dup-name': ['error', { shared: ['radio', 'checkbox', 'submit'] }] };
export const validator = new HtmlValidate({ extends: ['html-validate:recommended'], rules });
// Pages under a filter carry it along in hidden fields, where a repeated name means OR, and rows of roles repeat place and
// role; the rule cannot be told of those.
export const carriesFilter = new HtmlValidate({ extends: ['html-validate:recommended'], rules: { ...rules, 'form-dup-name': 'off' } });

/** What the program says to a command. */
export const run = async (...words) => (await promisify(execFile)(program, words)).stdout.trim();

/** What an authenticator app shows for a secret (RFC 6238), apart from the server's own reckoning. */
export function codeOf(secret) {
  const bits = [...secret.replaceAll(' ', '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac('sha1', key).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** Moves on with the Tab key until this has the focus. */
export async function tabTo(page, selector, within = 30) {
  for (let i = 0; i < within; i += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`${selector} is not reached by Tab on ${page.url()}`);
}

/**
 * The page as it stands, at two widths: nothing found by axe-core or html-validate, no sideways scrolling. `html`: as it was
 * sent; without it only the browser's view is looked at.
 */
export async function sound(page, html) {
  for (const width of [400, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(sideways <= 0, `${page.url()} scrolls sideways by ${sideways} px at ${width}`);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    assert.deepEqual(violations.map((one) => `${page.url()} ${one.id}: ${one.nodes[0].html.slice(0, 160)}`), []);
  }
  if (html === undefined) return;
  const report = await validator.validateString(html);
  assert.deepEqual(report.results.flatMap((result) => result.messages.map((one) => `${page.url()} ${one.line}: ${one.ruleId} ${one.message}`)), []);
}

/** Presses Enter and gives the answer's text. */
export async function submitted(page, method = 'POST') {
  const answered = page.waitForResponse((answer) => answer.request().isNavigationRequest() && answer.request().method() === method && answer.status() !== 303);
  await page.keyboard.press('Enter');
  return (await answered).text();
}

/** Writes a comment by keys alone, on the page one is on. */
export async function say(page, text) {
  await page.keyboard.press('m');
  assert.ok(await page.evaluate(() => document.activeElement?.id === 'comment-text'));
  await page.keyboard.insertText(text);
  await Promise.all([page.waitForURL(/#comment-[a-z2-7]{26}$/), page.keyboard.press('Control+Enter')]);
}
