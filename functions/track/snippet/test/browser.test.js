// What only a real browser shows: that beacons survive leaving the page, that the page may still go into the
// back/forward cache, and that a strict content security policy is enough. Needs Chromium (CHROMIUM names it).
'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { chromium } = require('playwright-core');

const snippet = fs.readFileSync(path.join(__dirname, '..', 'michi.min.js'));
const CSP = "default-src 'self'; script-src 'self'";

/** A site and its collector, on one origin or, with `apart`, on two. */
async function serve({ apart = false, headers = {} } = {}) {
  const requests = [];
  const server = http.createServer((request, response) => {
    const url = new URL(request.url, 'http://x');
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      if (url.pathname === '/michi.js') return response.writeHead(200, { 'content-type': 'text/javascript' }).end(snippet);
      if (url.pathname === '/v1/batch') {
        requests.push({ method: request.method, headers: request.headers, ...(body && JSON.parse(body)) });
        const cors = request.headers.origin ? { 'access-control-allow-origin': request.headers.origin } : {};
        return response.writeHead(200, { 'content-type': 'application/json', ...cors }).end('{"success":true,"known":false}');
      }
      if (/favicon|out/.test(url.pathname)) return response.writeHead(200, { 'content-type': 'text/html' }).end();
      const collector = `http://127.0.0.1:${apart ? collectorServer.address().port : server.address().port}`;
      response.writeHead(200, { 'content-type': 'text/html', ...headers }).end(`<!doctype html><title>${url.pathname}</title>
        <script async src="${collector}/michi.js" data-key="wk_1" data-localhost data-automation></script>
        <a id="next" href="/next">next</a> <a id="out" href="http://localhost:${server.address().port}/out">out</a>
        <form method="post" action="/thanks" data-michi-form="white-paper"><input name="email"><input type="password" name="p">
        <label><input type="checkbox" name="consent"> Yes</label><button>Send</button></form>`);
    });
  });
  const collectorServer = apart ? http.createServer(server.listeners('request')[0]) : server;
  await Promise.all([...new Set([server, collectorServer])].map((one) => new Promise((done) => one.listen(0, '127.0.0.1', done))));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    messages: () => requests.flatMap(({ batch }) => batch || []),
    async until(what) {
      for (let i = 0; i < 200; i++) {
        if (what()) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.fail(`waited in vain; so far: ${JSON.stringify(requests, null, 1)}`);
    },
    close: () => [...new Set([server, collectorServer])].forEach((one) => one.close().closeAllConnections())
  };
}

let browser;
test.before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
    ignoreDefaultArgs: ['--disable-back-forward-cache']
  });
});
test.after(() => browser.close());

const inBrowser = (name, options, body) =>
  test(name, async () => {
    const site = await serve(options);
    const context = await browser.newContext();
    const page = await context.newPage();
    const complaints = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => /error|warning/.test(message.type()) && complaints.push(message.text()));
    try {
      await page.goto(`${site.url}/start?michi_token=t1`, { waitUntil: 'load' });
      await body(page, site);
      assert.deepEqual(complaints, []);
    } finally {
      await context.close();
      site.close();
    }
  });

for (const [name, options] of [
  ['under a strict content security policy', { headers: { 'content-security-policy': CSP } }],
  ['with a collector elsewhere', { apart: true }]
])
  inBrowser(`a visit arrives whole ${name}`, options, async (page, site) => {
    await site.until(() => site.messages().some(({ type }) => type === 'identify'));
    assert.equal(page.url(), `${site.url}/start`);
    assert.equal(site.requests[0].method, 'POST', 'no preflight');
    assert.match(site.requests[0].headers['content-type'], /^text\/plain/);
    assert.equal(site.requests[0].headers.cookie, undefined);

    await page.evaluate(() => history.pushState({}, '', '/app'));
    await page.waitForTimeout(200);
    await page.click('#next');
    await site.until(() => site.messages().filter(({ type }) => type === 'page').length === 2);
    await page.waitForLoadState('load');

    await page.fill('[name=email]', 'hana@example.com');
    await page.fill('[name=p]', 'hunter2');
    await page.check('[name=consent]');
    await page.click('button');
    await site.until(() => site.messages().some(({ event }) => event === 'Form Submitted'));
    await page.waitForURL('**/thanks');

    await page.waitForLoadState('load');
    await page.click('#out');
    await site.until(() => site.messages().some(({ event }) => event === 'Link Clicked'));

    const views = site.messages().filter(({ type }) => type === 'page').map(({ properties }) => properties);
    assert.deepEqual(views.slice(0, 4).map(({ url }) => new URL(url).pathname), ['/start', '/app', '/next', '/thanks']);
    for (let i = 1; i < 4; i++) assert.equal(views[i].previous, views[i - 1].page_view);
    const form = site.messages().find(({ event }) => event === 'Form Submitted').properties;
    assert.deepEqual(form.fields, { email: 'hana@example.com' });
    assert.deepEqual(form.consent, { granted: true, text: 'Yes' });
    assert.doesNotMatch(JSON.stringify(site.requests), /hunter2|michi_token/);
    assert.equal(new Set(site.messages().map(({ messageId }) => messageId)).size, site.messages().length);
    const [cookie] = (await page.context().cookies(site.url)).filter((one) => one.name === 'michi_id');
    assert.equal(cookie.sameSite, 'Lax');
    assert.equal(cookie.value.split('.')[0], site.messages()[0].anonymousId);
    assert.ok(cookie.expires - Date.now() / 1000 <= 400 * 86400);
  });

inBrowser('the back/forward cache keeps the page, and coming back is a view', {}, async (page, site) => {
  await page.waitForTimeout(300);
  await page.evaluate(() => (window.here = 'still'));
  await page.click('#next');
  await page.waitForURL('**/next');
  await page.waitForTimeout(300);
  await page.goBack({ waitUntil: 'commit' });
  await page.waitForTimeout(300);
  assert.equal(await page.evaluate(() => window.here), 'still', 'restored from the cache, not loaded again');
  await page.click('#next');
  await site.until(() => site.messages().filter(({ type }) => type === 'page').length === 3);
  const [one, two, again] = site.messages().filter(({ type }) => type === 'page').map(({ properties }) => properties);
  assert.equal(two.previous, one.page_view);
  assert.equal(again.previous, two.page_view);
  assert.equal(again.url, one.url);
  assert.notEqual(again.page_view, one.page_view);
});

inBrowser('one page of an unknown visitor is one request', {}, async (page, site) => {
  await site.until(() => site.messages().some(({ type }) => type === 'identify'));
  await page.goto(`${site.url}/one`, { waitUntil: 'load' });
  const before = site.requests.length;
  await page.waitForTimeout(500);
  await page.goto('about:blank');
  await page.waitForTimeout(300);
  assert.equal(site.requests.length, before + 1);
  const [view, engaged] = site.requests.at(-1).batch;
  assert.equal(view.type, 'page');
  assert.equal(engaged.event, 'Page Engaged');
  assert.ok(engaged.properties.millis > 300 && engaged.properties.millis < 5000);
});
