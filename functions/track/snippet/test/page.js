// A page that carries the snippet, in jsdom: with a clock that the test moves, a network that records what is sent and
// answers as told, and switches for what a visitor does (hide, focus, leave, come back).
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { JSDOM, ResourceLoader, CookieJar, VirtualConsole } = require('jsdom');

const SOURCES = ['michi.js', 'michi.min.js'];
const read = (file) => fs.readFileSync(path.join(__dirname, '..', file));
const STUB = '<script>window.michi=window.michi||function(){(michi.q=michi.q||[]).push(arguments)}</script>';

class Loader extends ResourceLoader {
  constructor(file) {
    super();
    this.file = file;
  }
  fetch(url) {
    return url.endsWith('/michi.js') ? Promise.resolve(read(this.file)) : null;
  }
}

/**
 * Opens a page and returns when the snippet has run.
 * @param {object} options
 *   url; attributes of the script tag; body and head as markup; before(window) for what the browser is like;
 *   from: an earlier page of the same tab, whose cookies and session storage this page finds;
 *   answer({url, body}) → {status, json} or throws, what the collector does; hidden, focused: how the page opens
 */
async function open(file, options = {}) {
  const { from, attributes = '', body = '', head = '', before = () => {} } = options;
  const clock = { now: 5_000, timers: [], next: 1 };
  const network = { answer: options.answer || (() => ({ status: 200, json: { success: true, known: false } })) };
  const requests = [];
  const writes = [];
  const infos = [];
  const uncaught = [];
  let hidden = options.hidden || false;
  let focused = options.focused !== false;

  const virtualConsole = new VirtualConsole();
  virtualConsole.on('info', (...words) => infos.push(words.map(String).join(' ')));
  virtualConsole.on('jsdomError', (error) => {
    // jsdom does not navigate; that a click or a submit would is no error here.
    if (!/Not implemented: (navigation|HTMLFormElement)/.test(error.message)) uncaught.push(error);
  });

  const dom = new JSDOM(
    `<!doctype html><html><head><title>Pricing</title>${head}${options.stub === false ? '' : STUB}` +
      `<script async src="https://collector.example/michi.js" data-key="wk_1" ${attributes}></script></head>` +
      `<body>${body}</body></html>`,
    {
      url: options.url || 'https://www.example.com/pricing',
      referrer: options.referrer,
      runScripts: 'dangerously',
      resources: new Loader(file),
      pretendToBeVisual: true,
      cookieJar: (from && from.cookieJar) || new CookieJar(),
      virtualConsole,
      beforeParse(window) {
        Object.defineProperty(window.document, 'hidden', { get: () => hidden });
        Object.defineProperty(window.document, 'visibilityState', { get: () => (hidden ? 'hidden' : 'visible') });
        window.document.hasFocus = () => focused;
        window.performance.now = () => clock.now;
        window.setTimeout = (f, millis = 0) => {
          clock.timers.push({ id: clock.next, at: clock.now + millis, f });
          return clock.next++;
        };
        window.clearTimeout = (id) => {
          clock.timers = clock.timers.filter((timer) => timer.id !== id);
        };
        const cookie = Object.getOwnPropertyDescriptor(window.Document.prototype, 'cookie');
        Object.defineProperty(window.document, 'cookie', {
          configurable: true,
          get: () => cookie.get.call(window.document),
          set: (value) => {
            writes.push(value);
            cookie.set.call(window.document, value);
          }
        });
        window.fetch = (url, init) => {
          const request = { url: String(url), init, body: JSON.parse(init.body), raw: init.body };
          requests.push(request);
          return new Promise((resolve) => resolve(network.answer(request))).then(({ status, json, text }) => ({
            status,
            ok: status >= 200 && status < 300,
            text: () => Promise.resolve(text === undefined ? JSON.stringify(json) : text)
          }));
        };
        if (from) {
          const kept = from.window.sessionStorage.getItem('michi');
          if (kept !== null) window.sessionStorage.setItem('michi', kept);
        }
        before(window);
      }
    }
  );
  const { window } = dom;
  window.addEventListener('error', (event) => uncaught.push(event.error));
  if (window.document.readyState !== 'complete')
    await new Promise((resolve) => window.addEventListener('load', resolve));
  const settle = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  await settle();

  const fire = (target, name, properties = {}) =>
    target.dispatchEvent(Object.assign(new window.Event(name, { bubbles: true, cancelable: true }), properties));
  const page = {
    window,
    document: window.document,
    cookieJar: dom.cookieJar,
    requests,
    writes,
    infos,
    uncaught,
    settle,
    michi: (...words) => {
      window.michi(...words);
      return settle();
    },
    /** Every message sent so far, in order. */
    messages: () => requests.flatMap((request) => request.body.batch),
    /** The messages of one kind: 'page', 'identify' or the name of an event. */
    sent: (kind) => page.messages().filter((message) => message.type === kind || message.event === kind),
    /** Asks for what waits in the queue, and returns all messages. */
    async drain() {
      await page.hide();
      return page.messages();
    },
    answer(f) {
      network.answer = f;
    },
    /** The cookie's parts: visitor id and address mark. */
    cookie: () => (/(?:^|; )michi_id=([^;.]*)\.?([^;]*)/.exec(window.document.cookie) || []).slice(1),
    storage: () => window.sessionStorage.getItem('michi'),
    async wait(millis) {
      const end = clock.now + millis;
      for (;;) {
        const [due] = clock.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at);
        if (!due) break;
        clock.timers = clock.timers.filter((timer) => timer !== due);
        clock.now = Math.max(clock.now, due.at);
        due.f();
        await settle();
      }
      clock.now = end;
    },
    hide() {
      hidden = true;
      fire(window.document, 'visibilitychange');
      return settle();
    },
    show() {
      hidden = false;
      fire(window.document, 'visibilitychange');
      return settle();
    },
    focus() {
      focused = true;
      fire(window, 'focus');
    },
    blur() {
      focused = false;
      fire(window, 'blur');
    },
    /** Goes to another page: the browser hides this one after pagehide. */
    async leave() {
      fire(window, 'pagehide', { persisted: true });
      clock.now += 3;
      await page.hide();
    },
    /** Comes back from the back/forward cache. */
    async comeBack() {
      hidden = false;
      fire(window, 'pageshow', { persisted: true });
      fire(window.document, 'visibilitychange');
      await settle();
    },
    click(selector, init = {}) {
      const element = window.document.querySelector(selector);
      element.dispatchEvent(
        new window.MouseEvent(init.button ? 'auxclick' : 'click', { bubbles: true, cancelable: true, ...init })
      );
      return settle();
    },
    submit(selector = 'form') {
      fire(window.document.querySelector(selector), 'submit');
      return settle();
    }
  };
  return page;
}

module.exports = { open, SOURCES };
