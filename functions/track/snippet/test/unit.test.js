'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { open: openWith, SOURCES } = require('./page.js');

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const KNOWN = () => ({ status: 200, json: { success: true, known: true } });
const DOWN = () => {
  throw new TypeError('Failed to fetch');
};
const signal = (name, value) => (window) => Object.defineProperty(window.navigator, name, { value });

// Every rule holds for the source and for what is served.
for (const file of SOURCES) {
  const open = (options) => openWith(file, options);
  const rule = (name, body) => test(`${file}: ${name}`, body);

  // ---- page views

  rule('a page view waits until the page is hidden, and goes as one request', async () => {
    const page = await open({ url: 'https://www.example.com/pricing?a=1#plans', referrer: 'https://search.example/?q=x' });
    assert.equal(page.requests.length, 0);
    await page.wait(2500);
    await page.leave();
    assert.equal(page.requests.length, 1);

    const [request] = page.requests;
    assert.equal(request.url, 'https://collector.example/v1/batch');
    assert.equal(request.init.method, 'POST');
    assert.equal(request.init.keepalive == true, true);
    assert.equal(request.init.credentials, 'omit');
    assert.equal(request.init.headers, undefined, 'no header that would cost a preflight request');
    assert.equal(request.body.writeKey, 'wk_1');
    assert.ok(!Number.isNaN(Date.parse(request.body.sentAt)));

    const [view, engaged] = request.body.batch;
    assert.equal(view.type, 'page');
    assert.match(view.messageId, UUID);
    assert.match(view.anonymousId, UUID);
    assert.match(view.properties.page_view, UUID);
    assert.equal(view.properties.url, 'https://www.example.com/pricing?a=1');
    assert.equal(view.properties.title, 'Pricing');
    assert.equal(view.properties.referrer, 'https://search.example/?q=x');
    assert.equal('previous' in view.properties, false);
    assert.equal(view.context.locale, 'en-US');
    assert.equal('webdriver' in view.context, false);
    assert.equal(view.timestamp, new Date(view.timestamp).toISOString());

    assert.equal(engaged.event, 'Page Engaged');
    assert.deepEqual(engaged.properties, {
      page_view: view.properties.page_view,
      url: view.properties.url,
      millis: 2500
    });
    assert.notEqual(engaged.messageId, view.messageId);
    assert.equal(engaged.anonymousId, view.anonymousId);
    assert.deepEqual(page.uncaught, []);
  });

  rule('the next page of the tab names the page view before it', async () => {
    const first = await open();
    await first.leave();
    const second = await open({ from: first, url: 'https://www.example.com/cases' });
    await second.leave();
    assert.equal(second.sent('page')[0].properties.previous, first.sent('page')[0].properties.page_view);
    assert.equal(second.sent('page')[0].anonymousId, first.sent('page')[0].anonymousId);
  });

  rule('a single-page application: a view for each new address, none for a new fragment', async () => {
    const page = await open();
    const { history, document } = page.window;
    history.pushState({}, '', '#plans');
    history.replaceState({ scroll: 3 }, '', '/pricing#faq');
    await page.wait(100);
    history.pushState({}, '', '/cases');
    document.title = 'Case studies';
    await page.wait(100);
    history.pushState({}, '', '/contact');
    await page.wait(100);
    history.back();
    await page.wait(100);
    await page.drain();

    const views = page.sent('page').map(({ properties }) => properties);
    assert.deepEqual(
      views.map(({ url }) => new URL(url).pathname),
      ['/pricing', '/cases', '/contact', '/cases']
    );
    assert.equal(views[1].title, 'Case studies');
    assert.equal(views[1].previous, views[0].page_view);
    assert.equal(views[3].previous, views[2].page_view);
    assert.equal(new Set(views.map(({ page_view }) => page_view)).size, 4);
    // The time on each page is told under that page.
    for (const engaged of page.sent('Page Engaged'))
      assert.equal(engaged.properties.url, views.find((v) => v.page_view === engaged.properties.page_view).url);
  });

  rule('two addresses in one turn are one view of the last', async () => {
    const page = await open();
    page.window.history.pushState({}, '', '/login');
    page.window.history.replaceState({}, '', '/home');
    await page.wait(100);
    await page.drain();
    assert.deepEqual(page.sent('page').map((m) => new URL(m.properties.url).pathname), ['/pricing', '/home']);
  });

  rule('what happens right after the address changed belongs to the new page', async () => {
    const page = await open();
    page.window.history.pushState({}, '', '/cases');
    await page.michi('track', 'Filtered', {});
    assert.equal(page.sent('Filtered')[0].properties.url, 'https://www.example.com/cases');
  });

  rule('each view names the one just before it, in whatever way the visitor came', async () => {
    const first = await open();
    await first.leave();
    const page = await open({ from: first, url: 'https://www.example.com/app' });
    page.window.history.pushState({}, '', '/app/2');
    await page.wait(100);
    await page.leave();
    const [one, two] = page.sent('page').map(({ properties }) => properties);
    assert.equal(one.previous, first.sent('page')[0].properties.page_view);
    assert.equal(two.previous, one.page_view);
  });

  rule('the wrapped history behaves as before, its errors included', async () => {
    const page = await open();
    const { history } = page.window;
    assert.equal(history.pushState({ a: 1 }, '', '/x'), undefined);
    assert.deepEqual(history.state, { a: 1 });
    assert.throws(() => history.pushState({}, '', 'https://elsewhere.example/'), { name: 'SecurityError' });
  });

  rule('coming back from the back/forward cache is a new view, and what lay between counts for nothing', async () => {
    const page = await open();
    await page.wait(1000);
    await page.leave();
    await page.wait(60_000);
    await page.comeBack();
    await page.wait(500);
    await page.leave();
    const [first, again] = page.sent('page').map(({ properties }) => properties);
    assert.notEqual(again.page_view, first.page_view);
    assert.equal(again.previous, first.page_view);
    assert.deepEqual(
      page.sent('Page Engaged').map(({ properties: { page_view, millis } }) => [page_view, millis]),
      [[first.page_view, 1000], [again.page_view, 500]]
    );
  });

  rule('the first showing of a page is no return', async () => {
    const page = await open();
    page.window.dispatchEvent(Object.assign(new page.window.Event('pageshow'), { persisted: false }));
    await page.drain();
    assert.equal(page.sent('page').length, 1);
  });

  rule('a page drawn ahead counts when it is shown', async () => {
    const page = await open({ before: (window) => (window.document.prerendering = true) });
    await page.drain();
    assert.equal(page.requests.length, 0);
    assert.equal(page.storage(), null);
    page.document.dispatchEvent(new page.window.Event('prerenderingchange'));
    await page.drain();
    assert.equal(page.sent('page').length, 1);
  });

  rule('campaign parameters and click ids', async () => {
    const ids = ['gclid', 'gbraid', 'wbraid', 'msclkid', 'fbclid', 'li_fat_id', 'yclid', 'ttclid'];
    const page = await open({
      url:
        'https://www.example.com/?utm_source=news&utm_medium=mail&utm_campaign=spring&utm_term=a%20b&utm_content=top&' +
        ids.map((id) => `${id}=v-${id}`).join('&')
    });
    await page.drain();
    const { context } = page.sent('page')[0];
    assert.deepEqual(context.campaign, { source: 'news', medium: 'mail', name: 'spring', term: 'a b', content: 'top' });
    assert.deepEqual(context.click_ids, Object.fromEntries(ids.map((id) => [id, `v-${id}`])));
    const long = await open({ url: `https://www.example.com/?utm_source=${'s'.repeat(900)}&gclid=${'g'.repeat(900)}` });
    await long.drain();
    assert.equal(long.sent('page')[0].context.campaign.source.length, 200);
    assert.equal(long.sent('page')[0].context.click_ids.gclid.length, 200);
  });

  rule('addresses carry no credentials, and neither they nor titles grow without bound', async () => {
    const page = await open({
      url: `https://www.example.com/?q=${'x'.repeat(9000)}`,
      referrer: 'https://user:secret@intranet.example/a@b',
      body: '<a href="https://me:pw@other.example/x">out</a>',
      before: (window) => {
        window.document.addEventListener('DOMContentLoaded', () => (window.document.title = 't'.repeat(5000)));
      }
    });
    await page.click('a');
    await page.drain();
    const { properties } = page.sent('page')[0];
    assert.equal(properties.url.length, 2000);
    assert.equal(properties.referrer, 'https://intranet.example/a@b');
    assert.ok(properties.title.length <= 300);
    assert.equal(page.sent('Link Clicked')[0].properties.target, 'https://other.example/x');
    assert.doesNotMatch(page.requests[0].raw, /secret|me:pw/);
  });

  rule("the page may ask for a view; one asked before the script came is the first view itself", async () => {
    const page = await open({ head: '<script>window.michi=function(){(michi.q=michi.q||[]).push(arguments)};michi("page")</script>' });
    await page.drain();
    assert.equal(page.sent('page').length, 1);
    await page.michi('page');
    await page.drain();
    assert.equal(page.sent('page').length, 2);
  });

  // ---- engaged time

  rule('engaged time runs only while the page is visible and focused, and is told in increments', async () => {
    const page = await open();
    await page.wait(1000);
    page.blur();
    await page.wait(9000);
    page.focus();
    await page.wait(200);
    await page.hide();
    await page.wait(9000);
    await page.show();
    await page.wait(300);
    await page.hide();
    await page.show();
    await page.hide();
    const told = page.sent('Page Engaged');
    assert.deepEqual(told.map(({ properties }) => properties.millis), [1200, 300]);
    assert.equal(new Set(told.map(({ messageId }) => messageId)).size, 2);
    assert.equal(page.requests.length, 2, 'nothing is sent when nothing happened');
  });

  rule('a page opened in the background has no engaged time', async () => {
    const page = await open({ hidden: true, focused: false });
    await page.wait(5000);
    await page.show();
    assert.equal(page.requests.length, 0, 'that it is shown is no reason to send');
    await page.leave();
    assert.equal(page.sent('page').length, 1);
    assert.equal(page.sent('Page Engaged').length, 0);
  });

  rule('a page of a known lead is two requests, however long it is read', async () => {
    const page = await open({ answer: KNOWN });
    await page.hide();
    await page.show();
    page.window.history.pushState({}, '', '/cases');
    await page.wait(100);
    const before = page.requests.length;
    assert.equal(page.requests.at(-1).body.batch.at(-1).type, 'page');
    await page.wait(600_000);
    assert.equal(page.requests.length, before);
    await page.hide();
    assert.equal(page.requests.length, before + 1);
    assert.deepEqual(page.requests.at(-1).body.batch.map((m) => m.event), ['Page Engaged']);
  });

  // ---- known leads

  rule('a known lead is told at once, on later pages too, until the answer says otherwise', async () => {
    const first = await open({ answer: KNOWN, body: '<a href="https://other.example/">out</a>' });
    await first.hide();
    await first.show();
    assert.equal(first.requests.length, 1);
    await first.click('a');
    assert.equal(first.requests.length, 2);

    const second = await open({ from: first, url: 'https://www.example.com/contact' });
    assert.equal(second.requests.length, 1, 'the page view at once');
    await second.wait(700);
    await second.leave();
    assert.equal(second.requests.length, 2, 'no more than two requests for a page');

    const third = await open({ from: second });
    assert.equal(third.requests.length, 0, 'the last answer said: not known');
  });

  rule('a refusal says nothing of who is known', async () => {
    const page = await open({ answer: KNOWN });
    await page.hide();
    await page.show();
    page.answer(() => ({ status: 400, json: { success: false } }));
    await page.michi('track', 'Bad', {});
    const before = page.requests.length;
    await page.michi('page');
    assert.equal(page.requests.length, before + 1);
  });

  // ---- clicks

  rule('outbound links and marked elements are clicks; other links and ignored ones are not', async () => {
    const page = await open({
      body: `
        <a id="in" href="/cases">Cases</a>
        <a id="out" href="https://other.example/a#top"> See \n  <b>${'long '.repeat(40)}</b></a>
        <a id="mail" href="mailto:sales@example.com">Write</a>
        <a id="script" href="javascript:void 0">x</a>
        <button id="marked" data-michi-click>Open the calculator</button>
        <div data-michi-click="Demo video"><i id="inner">play</i></div>
        <div data-michi-ignore><a id="ignored" href="https://other.example/b">x</a></div>
        <p id="text">text</p>`
    });
    for (const id of ['in', 'out', 'mail', 'script', 'marked', 'inner', 'ignored', 'text']) await page.click(`#${id}`);
    await page.click('#out', { button: 1 });
    await page.click('#out', { button: 2 });
    assert.equal(page.requests.length, 0, 'an unknown visitor is not told at once');
    await page.drain();
    const clicks = page.sent('Link Clicked').map(({ properties }) => properties);
    assert.deepEqual(clicks.map(({ target }) => target), [
      'https://other.example/a', 'mailto:sales@example.com',
      'https://www.example.com/pricing', 'https://www.example.com/pricing',
      'https://other.example/a'
    ]);
    assert.equal(clicks[0].text.length, 80);
    assert.match(clicks[0].text, /^See long long/);
    assert.equal(clicks[2].text, 'Open the calculator');
    assert.equal(clicks[3].text, 'Demo video');
    assert.equal(clicks[0].page_view, page.sent('page')[0].properties.page_view);
    assert.equal(clicks[0].url, 'https://www.example.com/pricing');
  });

  rule('downloads', async () => {
    const names = ['a.pdf', 'b.doc', 'c.docx', 'd.xls', 'e.xlsx', 'f.ppt', 'g.pptx', 'h.zip', 'i.csv', 'j.epub', 'K.PDF?v=2'];
    const page = await open({
      body:
        names.map((name, i) => `<a id="f${i}" href="/files/${name}">f</a>`).join('') +
        '<a id="marked" download href="/export?id=3">f</a><a id="page" href="/pdf">f</a><a id="far" href="https://cdn.example/x.pdf">f</a>'
    });
    for (let i = 0; i < names.length; i++) await page.click(`#f${i}`);
    for (const id of ['marked', 'page', 'far']) await page.click(`#${id}`);
    await page.drain();
    const downloads = page.sent('File Downloaded').map(({ properties }) => properties);
    assert.deepEqual(downloads.map(({ target }) => target), [
      ...names.map((name) => `https://www.example.com/files/${name}`),
      'https://www.example.com/export?id=3',
      'https://cdn.example/x.pdf'
    ]);
    assert.deepEqual(Object.keys(downloads[0]).sort(), ['page_view', 'target', 'url']);
    assert.equal(page.sent('Link Clicked').length, 0);
  });

  // ---- forms

  const FORM = `
    <form data-michi-form="white-paper">
      <input name="email" type="email" value="Hana@Example.com">
      <input name="company" value="Isonami Foods">
      <select name="employees"><option value="">?</option><option value="300" selected>300+</option></select>
      <textarea name="message">Call us</textarea>
      <input type="checkbox" name="topic" value="demo" checked>
      <input type="checkbox" name="topic" value="price" checked>
      <input type="checkbox" name="topic" value="jobs">
      <input type="radio" name="when" value="now"><input type="radio" name="when" value="later" checked>
      <label><input type="checkbox" name="consent" value="1" checked> Send me
        the newsletter</label>
      <input name="empty" value=""><input value="no name"><input name="off" value="x" disabled>
      <button name="go" value="1">Send</button><input type="submit" name="go2" value="Send">
    </form>`;

  rule('an opted-in form is sent at once, with what was filled in and the words of the consent', async () => {
    const page = await open({ body: FORM });
    await page.wait(400);
    await page.submit();
    assert.equal(page.requests.length, 1);
    assert.deepEqual(page.messages().map((m) => m.event || m.type), ['page', 'Form Submitted', 'Page Engaged']);
    const { properties, anonymousId } = page.sent('Form Submitted')[0];
    assert.deepEqual(properties, {
      page_view: page.sent('page')[0].properties.page_view,
      url: 'https://www.example.com/pricing',
      form: 'white-paper',
      fields: {
        email: 'Hana@Example.com',
        company: 'Isonami Foods',
        employees: '300',
        message: 'Call us',
        topic: 'demo, price',
        when: 'later'
      },
      consent: { granted: true, text: 'Send me the newsletter' },
      millis: 5400
    });
    assert.equal(anonymousId, page.cookie()[0]);
  });

  rule('an unticked consent is told as not given', async () => {
    const page = await open({ body: FORM.replace('value="1" checked', 'value="1"') });
    await page.submit();
    assert.deepEqual(page.sent('Form Submitted')[0].properties.consent, { granted: false, text: 'Send me the newsletter' });
  });

  rule('a form that did not opt in, or is ignored, is left alone', async () => {
    const page = await open({
      body: `<form id="a"><input name="email" value="a@b.example"></form>
        <div data-michi-ignore><form id="b" data-michi-form="x"><input name="email" value="a@b.example"></form></div>`
    });
    await page.submit('#a');
    await page.submit('#b');
    await page.drain();
    assert.deepEqual(page.messages().map(({ type }) => type), ['page']);
  });

  rule('passwords, hidden fields, files, cards and ignored fields are never taken', async () => {
    const secrets = [
      '<input type="password" name="pw" value="SECRET">',
      '<input type="hidden" name="csrf" value="SECRET">',
      '<input type="file" name="upload">',
      '<input name="n" autocomplete="cc-number" value="SECRET">',
      '<input name="n" autocomplete="section-a billing cc-csc" value="SECRET">',
      '<input name="n" autocomplete="new-password" value="SECRET">',
      ...['cardNumber', 'credit_card', 'CVC', 'cvv2', 'passphrase', 'clientSecret', 'access-token', 'IBAN'].map(
        (name) => `<input name="${name}" value="SECRET">`
      ),
      // Test numbers of the card schemes, as people write them.
      ...[
        '4111111111111111', '4111 1111 1111 1111', '4111-1111-1111-1111', '5555555555554444', '378282246310005',
        '3782 822463 10005', '4222222222222', '6304000000000000000', '４１１１ １１１１ １１１１ １１１１',
        'my card is 4111 1111 1111 1111 12/27, thanks', 'カード番号は4111111111111111です'
      ].map((value, i) => `<input name="free${i}" value="${value}">`),
      '<textarea name="note" data-michi-ignore>SECRET</textarea>',
      '<fieldset data-michi-ignore><input name="inner" value="SECRET"></fieldset>'
    ];
    const page = await open({
      body: `<form data-michi-form="order"><input name="email" value="a@b.example">${secrets.join('')}</form>`
    });
    await page.submit();
    assert.deepEqual(page.sent('Form Submitted')[0].properties.fields, { email: 'a@b.example' });
    assert.doesNotMatch(page.requests[0].raw, /SECRET|1111|0005|4444|2222|１/);
  });

  rule('telephone and order numbers are no cards', async () => {
    const values = ['+81 90 1234 5678', '03-1234-5678 / 090-1234-5678', '(212) 555-0100, (646) 555-0199', '4111111111111112', '00819012345677', '2026-01-31 10:30:45'];
    const page = await open({
      body: `<form data-michi-form="x">${values.map((value, i) => `<input name="f${i}" value="${value}">`).join('')}</form>`
    });
    await page.submit();
    assert.deepEqual(Object.values(page.sent('Form Submitted')[0].properties.fields), values);
  });

  rule('a form is read before the page itself empties it, and fields as long as a book are cut', async () => {
    const page = await open({
      body: '<form data-michi-form="x"><input name="email" value="a@b.example"><textarea name="m"></textarea></form>'
    });
    page.document.querySelector('textarea').value = 'あ'.repeat(50_000);
    page.document.querySelector('form').addEventListener('submit', (event) => {
      event.stopPropagation();
      event.target.reset();
      event.target.querySelector('input').value = '';
    });
    await page.submit();
    const { fields } = page.sent('Form Submitted')[0].properties;
    assert.equal(fields.email, 'a@b.example');
    assert.ok(fields.m.length > 7000 && Buffer.byteLength(page.requests[0].raw) < 32_768);

    const many = await open({
      body: `<form data-michi-form="x">${'<textarea name="m"></textarea>'.repeat(9)}</form>`
    });
    for (const area of many.document.querySelectorAll('textarea')) area.value = 'あ'.repeat(5_000);
    await many.submit();
    assert.equal(many.sent('Form Submitted').length, 1);
    assert.ok(Buffer.byteLength(many.requests[0].raw) < 32_768);
  });

  // ---- who it is

  rule('the cookie: first-party, for thirteen months, Secure on https only', async () => {
    const page = await open();
    assert.match(page.writes[0], /^michi_id=[0-9a-f-]{36}\.; path=\/; max-age=34128000; SameSite=Lax; Secure$/);
    assert.ok(34128000 <= 400 * 86400);
    const plain = await open({ url: 'http://www.example.com/' });
    assert.match(plain.writes[0], /SameSite=Lax$/);
    await plain.drain();
    assert.equal(plain.sent('page')[0].anonymousId, plain.cookie()[0]);
  });

  rule('another address begins another visitor; the same one, however written, does not', async () => {
    const page = await open({ body: FORM });
    const [first] = page.cookie();
    await page.submit();
    assert.equal(page.cookie()[0], first);
    const [, mark] = page.cookie();
    assert.match(mark, /^\d{1,10}$/, 'no more than 32 bits of the address stay');

    await page.michi('identify', { email: ' hana@example.COM ' });
    assert.equal(page.cookie()[0], first);

    await page.wait(800);
    await page.michi('identify', 'u-2', { email: 'kenji@example.com' });
    const [second, secondMark] = page.cookie();
    assert.notEqual(second, first);
    assert.notEqual(secondMark, mark);

    const identify = page.sent('identify').at(-1);
    assert.equal(identify.anonymousId, second);
    assert.equal(identify.userId, 'u-2');
    const views = page.sent('page');
    assert.equal(views.length, 2, 'the page is seen by the new visitor, too');
    assert.equal(views[1].anonymousId, second);
    assert.equal('previous' in views[1].properties, false);
    const engaged = page.sent('Page Engaged').find(({ properties }) => properties.millis === 800);
    assert.equal(engaged.anonymousId, first, 'the time before belongs to the one before');

    await page.michi('identify', 'Kenji@example.com');
    assert.equal(page.cookie()[0], second, 'a user id that is an address is one');

    const next = await open({ from: page, body: FORM });
    await next.submit();
    assert.notEqual(next.cookie()[0], second, 'the mark outlives the page');
    await next.michi('identify', 'kenji@example.com');
    assert.notEqual(next.cookie()[0], next.sent('Form Submitted')[0].anonymousId);
  });

  rule('what was known of the visitor before is forgotten with them', async () => {
    const page = await open({ answer: KNOWN });
    await page.michi('identify', { email: 'a@example.com' });
    page.answer(() => ({ status: 200, json: { success: true, known: false } }));
    await page.michi('identify', { email: 'b@example.com' });
    const next = await open({ from: page });
    assert.equal(next.requests.length, 0);
  });

  rule('identify takes an id, traits and a signature', async () => {
    const page = await open();
    await page.michi('identify', 'u-1', { name: 'Hana' }, { signature: 'abc' });
    await page.michi('identify', { email: 'a@example.com' }, { signature: 'def' });
    const [first, second] = page.sent('identify');
    assert.equal(first.userId, 'u-1');
    assert.deepEqual(first.traits, { name: 'Hana' });
    assert.deepEqual(first.context, { signature: 'abc' });
    assert.equal('userId' in second, false);
    assert.deepEqual(second.traits, { email: 'a@example.com' });
    assert.deepEqual(second.context, { signature: 'def' });
    assert.equal(page.requests.length, 2, 'at once');
  });

  rule('reset forgets the visitor', async () => {
    const page = await open({ answer: KNOWN });
    await page.michi('identify', { email: 'a@example.com' });
    const [first] = page.cookie();
    await page.michi('reset');
    const [second, mark] = page.cookie();
    assert.notEqual(second, first);
    assert.equal(mark, '');
    await page.drain();
    assert.equal(page.sent('page').at(-1).anonymousId, second);
  });

  rule('a link token is redeemed at once and taken out of the address', async () => {
    const page = await open({ url: 'https://www.example.com/cases?a=1&michi_token=tok.en-1&b=2#x' });
    assert.equal(page.window.location.href, 'https://www.example.com/cases?a=1&b=2#x');
    assert.equal(page.requests.length, 1);
    const identify = page.sent('identify')[0];
    assert.equal(identify.context.token, 'tok.en-1');
    assert.equal(identify.anonymousId, page.cookie()[0]);
    assert.equal(page.sent('page')[0].properties.url, 'https://www.example.com/cases?a=1&b=2');
    await page.michi('page');
    await page.drain();
    assert.equal(page.sent('identify').length, 1, 'once');
    for (const [with_, without] of [
      ['?michi_token=t', ''],
      ['?michi_token=t#x', '#x'],
      ['?michi_token=t&flag&q=a%20b~c', '?flag&q=a%20b~c'],
      ['?flag&q=a%20b~c&michi_token=t#?x&y', '?flag&q=a%20b~c#?x&y']
    ]) {
      const bare = await open({ url: 'https://www.example.com/cases' + with_ });
      assert.equal(bare.window.location.href, 'https://www.example.com/cases' + without);
      assert.equal(bare.sent('identify')[0].context.token, 't');
    }
  });

  rule('an address without a token is left exactly as it is', async () => {
    const page = await open({ url: 'https://www.example.com/cases?flag&q=a%20b~c#x' });
    assert.equal(page.window.location.href, 'https://www.example.com/cases?flag&q=a%20b~c#x');
    assert.equal(page.window.history.length, 1);
  });

  // ---- consent

  const traces = (page) => [page.requests.length, page.writes.length, page.storage(), page.document.cookie];
  const NOTHING = [0, 0, null, ''];

  rule('off: nothing is sent, no cookie, no storage, whatever happens', async () => {
    const page = await open({
      attributes: 'data-consent="off"',
      url: 'https://www.example.com/?michi_token=t',
      body: FORM + '<a href="https://other.example/x.pdf">x</a>'
    });
    await page.wait(60_000);
    await page.click('a');
    await page.submit();
    await page.michi('track', 'Demo', {});
    await page.michi('identify', { email: 'a@example.com' });
    page.window.history.pushState({}, '', '/cases');
    await page.wait(100);
    await page.leave();
    await page.comeBack();
    await page.leave();
    assert.deepEqual(traces(page), NOTHING);
    assert.doesNotMatch(page.window.location.href, /michi_token/, 'the token is taken out all the same');
    assert.deepEqual(page.uncaught, []);
  });

  rule('a consent that is misspelt counts as none', async () => {
    const page = await open({ attributes: 'data-consent="yes"' });
    await page.drain();
    assert.deepEqual(traces(page), NOTHING);
    const later = await open();
    await later.michi('consent', 'Full');
    await later.drain();
    assert.equal(later.requests.length, 0);
  });

  rule('consent begins the current page view, and sends nothing of before', async () => {
    const page = await open({ attributes: 'data-consent="off"', url: 'https://www.example.com/one?michi_token=t1' });
    await page.wait(3000);
    await page.michi('track', 'Before', {});
    page.window.history.pushState({}, '', '/two');
    await page.wait(4000);
    await page.michi('consent', 'full');
    await page.wait(500);
    await page.drain();
    assert.deepEqual(page.messages().map((m) => m.event || m.type), ['page', 'identify', 'Page Engaged']);
    assert.equal(page.sent('page')[0].properties.url, 'https://www.example.com/two');
    assert.equal(page.sent('Page Engaged')[0].properties.millis, 500);
    assert.equal(page.sent('identify')[0].context.token, 't1', 'the token waited for consent');
    assert.match(page.cookie()[0], UUID);
  });

  rule('consent given before the script came holds from the first view', async () => {
    const head = '<script>window.michi=function(){(michi.q=michi.q||[]).push(arguments)};michi("track","Demo",{});michi("consent","full")</script>';
    const page = await open({ attributes: 'data-consent="off"', head });
    assert.deepEqual(page.messages().map((m) => m.event || m.type), ['page', 'Demo']);
    const refused = await open({ head: head.replace('"full"', '"off"') });
    await refused.drain();
    assert.equal(refused.requests.length, 0);
    assert.equal(refused.document.cookie, '');
  });

  rule('a site that starts in off keeps a cookie it has consent for', async () => {
    const first = await open({ attributes: 'data-consent="off"' });
    await first.michi('consent', 'full');
    const [id] = first.cookie();
    await first.leave();
    const second = await open({ from: first, attributes: 'data-consent="off"' });
    await second.drain();
    assert.equal(second.requests.length, 0);
    await second.michi('consent', 'full');
    assert.equal(second.cookie()[0], id);
    await second.drain();
    assert.equal(second.sent('page')[0].properties.previous, first.sent('page')[0].properties.page_view);
  });

  rule('anonymous: an id that lives in this page only, no cookie, no storage', async () => {
    const page = await open({ attributes: 'data-consent="anonymous"', answer: KNOWN });
    page.window.history.pushState({}, '', '/cases');
    await page.wait(100);
    await page.leave();
    const [one, two] = page.sent('page');
    assert.equal(one.anonymousId, two.anonymousId);
    assert.equal(two.properties.previous, one.properties.page_view);
    assert.deepEqual(traces(page).slice(1), NOTHING.slice(1));

    const next = await open({ from: page, attributes: 'data-consent="anonymous"' });
    await next.leave();
    assert.notEqual(next.sent('page')[0].anonymousId, one.anonymousId);
    assert.equal('previous' in next.sent('page')[0].properties, false);

    const full = await open();
    await full.leave();
    const after = await open({ from: full, attributes: 'data-consent="anonymous"' });
    await after.leave();
    assert.notEqual(after.sent('page')[0].anonymousId, full.sent('page')[0].anonymousId);
    assert.equal('previous' in after.sent('page')[0].properties, false, 'what full consent stored is not read');
  });

  rule('anonymous: who fills a form or identifies is not tied to the pages read', async () => {
    const page = await open({ attributes: 'data-consent="anonymous"', body: FORM, url: 'https://www.example.com/?michi_token=t' });
    await page.submit();
    await page.michi('identify', { email: 'a@example.com' });
    await page.drain();
    const [view] = page.sent('page');
    const [form] = page.sent('Form Submitted');
    const [identify] = page.sent('identify');
    assert.equal(form.properties.fields.company, 'Isonami Foods');
    assert.equal('page_view' in form.properties, false);
    assert.equal(new Set([view.anonymousId, form.anonymousId, identify.anonymousId]).size, 3);
    assert.equal(page.sent('identify').length, 1, 'the token is not redeemed');
    assert.doesNotMatch(page.requests.map(({ raw }) => raw).join(), /michi_token|"token"/);
    assert.deepEqual(traces(page).slice(1), NOTHING.slice(1));
  });

  rule('withdrawing consent deletes cookie and storage, drops what was not sent, and holds', async () => {
    const page = await open();
    await page.wait(2000);
    await page.michi('consent', 'off');
    assert.equal(page.document.cookie, '');
    assert.equal(page.storage(), null);
    await page.wait(60_000);
    await page.michi('track', 'Demo', {});
    await page.leave();
    assert.equal(page.requests.length, 0);
    assert.equal(page.document.cookie, '');
    assert.equal(page.storage(), null);
  });

  rule('withdrawing consent ends retries, one under way included', async () => {
    const page = await open({ answer: DOWN });
    await page.michi('track', 'A', {});
    let fail;
    page.answer(() => new Promise((_, reject) => (fail = reject)));
    await page.michi('track', 'B', {});
    await page.michi('consent', 'off');
    fail(new TypeError('Failed to fetch'));
    await page.settle();
    const before = page.requests.length;
    await page.wait(600_000);
    await page.hide();
    await page.show();
    assert.equal(page.requests.length, before);
    assert.equal(page.storage(), null);
  });

  rule('from full to anonymous: another id, no trace', async () => {
    const page = await open();
    const [id] = page.cookie();
    await page.michi('consent', 'anonymous');
    await page.drain();
    assert.equal(page.sent('page').length, 1);
    assert.notEqual(page.sent('page')[0].anonymousId, id);
    assert.equal(page.document.cookie, '');
    assert.equal(page.storage(), null);
    const view = page.sent('page')[0].properties.page_view;
    await page.show();
    await page.michi('consent', 'anonymous');
    await page.michi('track', 'Demo', {});
    assert.equal(page.sent('page').length, 1, 'said twice, it changes nothing');
    assert.equal(page.sent('Demo')[0].properties.page_view, view);
  });

  rule('from anonymous to full: what was anonymous stays so', async () => {
    const page = await open({ attributes: 'data-consent="anonymous"' });
    await page.wait(1000);
    await page.michi('consent', 'full');
    await page.drain();
    const [before, after] = page.sent('page');
    assert.notEqual(before.anonymousId, after.anonymousId);
    assert.equal(after.anonymousId, page.cookie()[0]);
    assert.equal('previous' in after.properties, false);
    assert.equal(page.sent('Page Engaged')[0].anonymousId, before.anonymousId);
  });

  rule('consent in full said again changes nothing', async () => {
    const page = await open();
    await page.michi('consent', 'full');
    await page.drain();
    assert.equal(page.sent('page').length, 1);
  });

  rule('a cookie that vanishes while the page is open (withdrawn in another tab) stops the page', async () => {
    const page = await open();
    await page.michi('track', 'A', {});
    page.document.cookie = 'michi_id=; path=/; max-age=0';
    await page.wait(1000);
    await page.michi('track', 'B', {});
    await page.leave();
    await page.comeBack();
    await page.leave();
    assert.equal(page.sent('B').length, 0);
    assert.equal(page.requests.length, 1);
    assert.equal(page.document.cookie, '');
    assert.equal(page.storage(), null);
  });

  for (const [name, value] of [['globalPrivacyControl', true], ['doNotTrack', '1']])
    rule(`${name} counts as off, unless the visitor consents`, async () => {
      const page = await open({ attributes: 'data-consent="full" data-debug', before: signal(name, value) });
      assert.deepEqual(traces(page), NOTHING);
      await page.drain();
      assert.deepEqual(traces(page), NOTHING);
      await page.michi('consent', 'anonymous');
      await page.drain();
      assert.equal(page.requests.length, 0);
      assert.equal(page.document.cookie, '');
      assert.match(page.infos.join('\n'), /not sent, consent is off \(privacy signal\)/);
      await page.show();
      await page.michi('consent', 'full');
      await page.drain();
      assert.equal(page.sent('page').length, 1);
      assert.match(page.cookie()[0], UUID);
    });

  rule('doNotTrack in its other states is no signal', async () => {
    for (const value of ['0', 'unspecified', null]) {
      const page = await open({ before: signal('doNotTrack', value) });
      await page.drain();
      assert.equal(page.requests.length, 1);
    }
  });

  rule('browsers that refuse cookies and storage are served as well as can be', async () => {
    const page = await open({
      before: (window) => {
        Object.defineProperty(window, 'sessionStorage', { get() { throw new window.DOMException('no', 'SecurityError'); } });
        Object.defineProperty(window.document, 'cookie', { get: () => '', set() {} });
      }
    });
    page.window.history.pushState({}, '', '/cases');
    await page.wait(100);
    await page.leave();
    const [one, two] = page.sent('page');
    assert.equal(one.anonymousId, two.anonymousId);
    assert.equal(two.properties.previous, one.properties.page_view);
    assert.deepEqual(page.uncaught, []);
  });

  // ---- where nothing is sent

  rule('automated browsers are ignored, unless opted in, and then said so', async () => {
    const automated = signal('webdriver', true);
    const page = await open({ before: automated, attributes: 'data-debug' });
    await page.michi('track', 'A', {});
    await page.drain();
    assert.deepEqual(traces(page), NOTHING);
    assert.match(page.infos.join(), /nothing is sent without data-automation/);
    const opted = await open({ before: automated, attributes: 'data-automation' });
    await opted.drain();
    assert.equal(opted.sent('page')[0].context.webdriver, true);
    const person = await open({ before: signal('webdriver', false), attributes: 'data-automation' });
    await person.drain();
    assert.equal('webdriver' in person.sent('page')[0].context, false);
  });

  rule('local addresses are ignored, unless opted in', async () => {
    for (const host of ['localhost:7070', '127.0.0.1:7070', '127.1.2.3', '[::1]:80', 'shop.localhost']) {
      const page = await open({ url: `http://${host}/`, attributes: 'data-debug' });
      await page.drain();
      assert.deepEqual(traces(page), NOTHING, host);
      assert.match(page.infos.join(), /nothing is sent without data-localhost/);
      const opted = await open({ url: `http://${host}/`, attributes: 'data-localhost' });
      await opted.drain();
      assert.equal(opted.requests.length, 1, host);
    }
    for (const host of ['localhost.example.com', 'mylocalhost', '127.example.com'].slice(0, 2)) {
      const page = await open({ url: `http://${host}/` });
      await page.drain();
      assert.equal(page.requests.length, 1, host);
    }
  });

  rule('without a key nothing is sent', async () => {
    const page = await open({ attributes: 'data-debug', before: (window) => {
      const get = Object.getOwnPropertyDescriptor(window.Document.prototype, 'currentScript').get;
      Object.defineProperty(window.document, 'currentScript', { get() {
        const script = get.call(window.document);
        if (script) script.removeAttribute('data-key');
        return script;
      } });
    } });
    await page.drain();
    assert.deepEqual(traces(page), NOTHING);
    assert.match(page.infos.join(), /data-key/);
  });

  // ---- sending

  rule('what could not be sent is tried again just as it was, with backoff and a new sentAt', async () => {
    const page = await open({ answer: DOWN });
    await page.michi('track', 'A', {});
    assert.equal(page.requests.length, 1);
    await page.wait(999);
    assert.equal(page.requests.length, 1);
    await page.wait(1);
    assert.equal(page.requests.length, 2);
    await page.wait(1999);
    assert.equal(page.requests.length, 2);
    page.answer(() => ({ status: 503, json: {} }));
    await page.wait(1);
    assert.equal(page.requests.length, 3);
    page.answer(() => ({ status: 429, json: {} }));
    await page.wait(4000);
    assert.equal(page.requests.length, 4);
    await new Promise((resolve) => setTimeout(resolve, 5));
    page.answer(() => ({ status: 200, json: { success: true, known: false } }));
    await page.michi('track', 'B', {});
    await page.wait(8000);
    assert.equal(page.requests.length, 6);
    const tries = page.requests.filter(({ body }) => body.batch.some(({ event }) => event === 'A'));
    assert.equal(tries.length, 5);
    for (const again of tries) assert.deepEqual(again.body.batch, tries[0].body.batch);
    assert.notEqual(tries[4].body.sentAt, tries[0].body.sentAt);
    await page.wait(3_600_000);
    assert.equal(page.requests.length, 6, 'and then no more');
  });

  rule('several failures share one backoff, and success ends it', async () => {
    const page = await open({ answer: DOWN });
    await page.michi('track', 'A', {});
    await page.michi('track', 'B', {});
    const counts = [];
    for (const millis of [1000, 2000, 4000, 8000]) {
      await page.wait(millis);
      counts.push(page.requests.length);
    }
    assert.deepEqual(counts, [4, 6, 8, 10]);
    page.answer(() => ({ status: 200, json: { success: true, known: false } }));
    await page.wait(16_000);
    page.answer(DOWN);
    await page.michi('track', 'C', {});
    await page.wait(1000);
    assert.equal(page.sent('C').length, 2);
  });

  rule('a failed send is also tried again when the page is hidden or shown', async () => {
    const page = await open({ answer: DOWN });
    await page.michi('track', 'A', {});
    await page.hide();
    await page.show();
    assert.equal(page.sent('A').length, 3);
  });

  rule('a refused message is dropped, and the reason is in the console', async () => {
    const page = await open({ attributes: 'data-debug', answer: () => ({ status: 403, text: 'origin not listed' }) });
    await page.michi('track', 'A', {});
    await page.wait(600_000);
    await page.leave();
    assert.equal(page.sent('A').length, 1);
    assert.match(page.infos.join('\n'), /403 origin not listed/);
  });

  rule('no more than fifty unsent messages are kept, the newest', async () => {
    const page = await open({ answer: DOWN });
    for (let i = 0; i < 80; i++) await page.michi('track', 'N', { i });
    page.answer(() => ({ status: 200, json: { success: true, known: false } }));
    const before = page.requests.length;
    await page.hide();
    const again = page.requests.slice(before).flatMap(({ body }) => body.batch);
    assert.equal(again.length, 50);
    assert.equal(again.at(-1).properties.i, 79);
  });

  rule('in full mode the next page of the tab sends what this one could not; in anonymous mode it is gone', async () => {
    const first = await open({ answer: DOWN });
    await first.leave();
    const second = await open({ from: first });
    assert.equal(second.requests.length, 1);
    assert.deepEqual(second.requests[0].body.batch, first.requests[0].body.batch);
    const third = await open({ from: second });
    assert.equal(third.requests.length, 0);
    const anonymous = await open({ answer: DOWN, attributes: 'data-consent="anonymous"' });
    await anonymous.leave();
    assert.equal((await open({ from: anonymous })).requests.length, 0);
  });

  rule('a batch never exceeds what a browser carries after the page is gone, nor 500 messages', async () => {
    const page = await open({ body: '<button data-michi-click="日本語の長いボタンの名前">x</button>' });
    for (let i = 0; i < 600; i++) page.document.querySelector('button').click();
    await page.leave();
    assert.equal(page.sent('Link Clicked').length, 600);
    for (const { raw, body } of page.requests) {
      assert.ok(Buffer.byteLength(raw) < 64 * 1024);
      assert.ok(body.batch.length <= 500);
    }
  });

  rule('a message too long to carry is dropped alone', async () => {
    const page = await open({ attributes: 'data-debug' });
    await page.michi('track', 'Huge', { text: 'x'.repeat(30_000) });
    await page.michi('track', 'Small', {});
    assert.deepEqual(page.messages().map((m) => m.event || m.type), ['page', 'Small']);
    assert.match(page.infos.join(), /too long/);
  });

  rule('halves of surrogate pairs and NUL, which no collector takes, are left out; the rest is untouched', async () => {
    const page = await open({ body: `<a href="https://other.example/">${'x'.repeat(79)}😀</a>` });
    await page.click('a');
    const odd = 'a\u0000b\ud83dc \\ud83d \\\\u0000 "\\" 😀 日本';
    await page.michi('track', 'Odd', { [`k\udc00`]: odd });
    assert.equal(page.sent('Link Clicked')[0].properties.text, 'x'.repeat(79));
    assert.equal(page.sent('Odd')[0].properties.k, 'abc \\ud83d \\\\u0000 "\\" 😀 日本');
    assert.doesNotMatch(page.requests[0].raw, /(^|[^\\])(\\\\)*\\u(0000|d8)/);
  });

  rule("the site's own events go at once, with the page they happened on, as they were then", async () => {
    const page = await open();
    const properties = { seats: 20 };
    page.window.michi('track', 'Price Calculated', properties);
    properties.seats = 99;
    await page.settle();
    assert.equal(page.requests.length, 1);
    assert.deepEqual(page.sent('Price Calculated')[0].properties, {
      page_view: page.sent('page')[0].properties.page_view,
      url: 'https://www.example.com/pricing',
      seats: 20
    });
  });

  rule('a call made before the script came is not lost, nor one through a copy of the stub', async () => {
    const page = await open({
      head: '<script>window.michi=function(){(michi.q=michi.q||[]).push(arguments)};window.copy=michi;michi("track","Early",{a:1})</script>'
    });
    assert.deepEqual(page.sent('Early').map(({ properties }) => properties.a), [1]);
    page.window.copy('track', 'Late', {});
    await page.settle();
    assert.equal(page.sent('Late').length, 1);
  });

  rule('the second line alone does, and the script twice does no more than once', async () => {
    const page = await open({
      stub: false,
      body: '<script src="https://collector.example/michi.js" data-key="wk_1"></script>'
    });
    await page.michi('track', 'A', {});
    await page.leave();
    assert.equal(page.sent('page').length, 1);
    assert.equal(page.sent('A').length, 1);
    assert.deepEqual(page.uncaught, []);
  });

  rule('nothing it is given, and nothing that is broken around it, throws into the page', async () => {
    const loop = {};
    loop.self = loop;
    const page = await open({ attributes: 'data-debug' });
    const { michi } = page.window;
    for (const words of [[], ['nonsense'], ['track'], ['track', 'Loop', loop], ['track', 'Big', { n: 10n }], ['identify'],
      ['identify', null, null, null], ['identify', 7, { email: 7 }], ['consent'], ['consent', 'full'], ['constructor'], [Symbol('x')]])
      assert.doesNotThrow(() => michi(...words));
    await page.settle();
    page.window.fetch = undefined;
    assert.doesNotThrow(() => michi('track', 'No fetch', {}));
    page.document.dispatchEvent(new page.window.MouseEvent('click', { bubbles: true }));
    page.window.dispatchEvent(new page.window.Event('submit'));
    await page.leave();
    assert.deepEqual(page.uncaught, []);
    page.window.fetch = (url, init) => Promise.resolve({ status: 200, ok: true, text: () => Promise.resolve('<html>') });
    await page.michi('track', 'After', {});
    assert.deepEqual(page.uncaught, []);
  });

  rule('without data-debug the console stays silent', async () => {
    const page = await open({ attributes: 'data-consent="off"', answer: DOWN });
    await page.michi('track', 'A', {});
    await page.michi('consent', 'full');
    await page.drain();
    assert.deepEqual(page.infos, []);
    const debug = await open({ attributes: 'data-debug' });
    await debug.drain();
    assert.match(debug.infos.join('\n'), /michi: 200 .*"type":"page"/);
  });
}
