// michi's snippet: tells the collector what happens on a page. README.md says how a site uses it.
//
//   <script>window.michi=window.michi||function(){(michi.q=michi.q||[]).push(arguments)}</script>
//   <script async src="https://COLLECTOR/michi.js" data-key="WRITE_KEY"></script>
//
// In reading order: settings · state · visitor · messages · sending · engaged time · page views · clicks · forms ·
// the page's own calls · start. What is sent is the Segment HTTP tracking spec; michi.min.js is made from this file.
(function () {
  // Settings: the attributes of the script tag.
  const script = document.currentScript;
  const settings = script.dataset;
  const collector = new URL('/v1/batch', script.src);

  const log = (...words) => 'debug' in settings && console.info('michi:', ...words);
  // Whatever goes wrong in here stays in here.
  const safe = (f) => (...given) => {
    try {
      return f(...given);
    } catch (error) {
      log(error);
    }
  };
  // On the way down from the window, before the page's own listeners.
  const on = (type, f) => window.addEventListener(type, safe(f), true);
  const after = (millis, f) => setTimeout(safe(f), millis);

  // State. `mode` is an index of MODES, so that more consent is a greater number.
  const MODES = ['off', 'anonymous', 'full'];
  const privacySignal = navigator.globalPrivacyControl || navigator.doNotTrack == 1 ? '(privacy signal)' : '';
  let mode = privacySignal ? 0 : MODES.indexOf(settings.consent || 'full');
  let visitorId, cookieSeen; // who browses
  let addressMark = '';
  let pageView, url, token; // what is looked at
  let known; // the collector's answer: this visitor is a lead
  let queue = []; // messages not yet tried, as JSON
  let outbox = []; // batches that failed; each is tried again just as it was
  let engagedSince, engagedMillis; // the clock of engaged time
  let retryTimer;
  let backoff = 1e3;

  // Not crypto.randomUUID, which pages without https lack.
  const uuid = () =>
    '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
      (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16)
    );

  // An address without credentials and fragment, of bounded length.
  const clean = (address = '') => `${address}`.replace(/^(\w+:\/\/)[^/?#]*@|#.*/g, '$1').slice(0, 2e3);
  const words = (text, limit) => text.replace(/\s+/g, ' ').trim().slice(0, limit);

  // Visitor: the cookie holds the id and a mark of the address that identified last; tabs share it, so it is read anew
  // each time. When a cookie once seen has vanished, consent was withdrawn elsewhere or the visitor cleaned up: stop.
  const visitor = () => {
    const cookie = mode > 1 && /\bmichi_id=(.{36})\.(\d*)/.exec(document.cookie);
    if (cookie) [cookieSeen, visitorId, addressMark] = cookie;
    else if (cookieSeen) change(0);
    visitorId = visitorId || uuid();
  };
  const writeCookie = (age) => {
    const secure = /^https/.test(location) ? '; Secure' : '';
    document.cookie = `michi_id=${visitorId}.${addressMark}; path=/; max-age=${age}; SameSite=Lax${secure}`;
  };
  // Thirteen months from the last page view.
  const remember = () => mode > 1 && writeCookie(34128e3);
  const forget = safe(() => {
    writeCookie(0);
    cookieSeen = 0;
    delete sessionStorage.michi;
  });

  // What the next page of this tab needs: previous page view, known or not, unsent batches. In full mode only.
  const store = safe(() => {
    if (mode > 1) sessionStorage.michi = JSON.stringify([pageView, known, outbox]);
  });
  const stored = safe(() => mode > 1 && JSON.parse(sessionStorage.michi || '[]'));

  // Another address on this browser is another visitor. Only 32 bits of a hash stay here: too few to find an address.
  const identifiedBy = (address) => {
    if (!address || mode < 2) return;
    const letters = [...`${address}`.trim().toLowerCase()];
    const hash = letters.reduce((sum, letter) => (sum * 65599 + letter.codePointAt()) >>> 0, 0);
    visitor();
    if (addressMark && addressMark != hash) renew();
    addressMark = hash;
    remember();
  };
  const renew = () => {
    engaged();
    forget();
    begin();
  };
  const begin = () => {
    visitorId = addressMark = pageView = '';
    view();
  };

  // A change of consent: less of it drops every trace and what is unsent; more of it begins the page view anew, under
  // an id that what came before does not share.
  const change = (next) => {
    if (next < 2) forget();
    if (next == mode) return;
    engaged();
    if (next < mode) {
      queue = [];
      outbox = [];
    }
    mode = next;
    begin();
  };

  // Messages. One that names a person (`personal`) shares no id with the pages of a visitor who stays anonymous.
  const push = (message, personal) => {
    visitor();
    if (mode < 1) return log('not sent, consent is off', privacySignal, message);
    const text = JSON.stringify({
      messageId: uuid(),
      timestamp: new Date(),
      anonymousId: personal && mode < 2 ? uuid() : visitorId,
      ...message
      // The collector refuses NUL and halves of surrogate pairs, which stand here as escapes.
    }).replace(/(\\\\)|\\u(0000|d...)/g, '$1');
    // 20,000 characters are at most 60 KB, what a browser still carries when the page is gone.
    if (text.length > 2e4) return log('not sent, too long:', message);
    if (`${queue}`.length + text.length > 2e4) flush();
    queue.push(text);
  };
  const event = (name, properties, personal) =>
    push(
      {
        type: 'track',
        event: name,
        properties: { page_view: personal && mode < 2 ? undefined : pageView, url, ...properties }
      },
      personal
    );

  // Sending.
  const flush = () => {
    engaged();
    if (queue[0]) send(queue.splice(0));
  };
  const retry = () => outbox.splice(0).forEach(send);
  const send = (batch) => {
    const box = outbox;
    const body = `{"writeKey":"${settings.key}","sentAt":"${new Date().toISOString()}","batch":[${batch}]}`;
    const keep = (why) => {
      log('not sent, trying again:', why);
      box.push(batch);
      while (box[1] && box.flat().length > 50) box.shift();
      store();
      clearTimeout(retryTimer);
      retryTimer = after(backoff, () => {
        backoff *= 2;
        retry();
      });
    };
    // A string travels as text/plain, so no preflight request goes ahead of it.
    fetch(collector, { method: 'POST', body, keepalive: true, credentials: 'omit' })
      .then((answer) => {
        if (/429|5../.test(answer.status)) return keep(answer.status);
        backoff = 1e3;
        return answer.text().then((said) => {
          log(answer.status, said, body);
          if (answer.ok && box == outbox && mode > 1) {
            known = JSON.parse(said).known;
            store();
          }
        });
      }, keep)
      .catch(log);
  };

  // Engaged time: visible and focused. Each message tells the time since the last.
  const tick = () => {
    const now = performance.now();
    if (engagedSince) engagedMillis += now - engagedSince;
    engagedSince = !document.hidden && document.hasFocus() ? now : 0;
  };
  const engaged = () => {
    tick();
    const millis = engagedMillis | 0;
    if (!pageView || !millis) return;
    engagedMillis = 0;
    event('Page Engaged', { millis });
  };

  // Page views.
  const view = () => {
    engaged();
    const [previous = pageView, wasKnown, unsent = []] = stored() || [];
    if (!pageView) outbox.push(...unsent);
    known = wasKnown;
    visitor();
    remember();
    pageView = uuid();
    url = clean(location);
    engagedMillis = 0;
    const campaign = {};
    const click_ids = {};
    new URL(location).searchParams.forEach((value, name) => {
      value = value.slice(0, 200);
      if (/^utm_/.test(name)) campaign[name == 'utm_campaign' ? 'name' : name.slice(4)] = value;
      if (/^(gclid|gbraid|wbraid|msclkid|fbclid|li_fat_id|yclid|ttclid)$/.test(name)) click_ids[name] = value;
    });
    push({
      type: 'page',
      properties: {
        url,
        title: words(document.title, 300),
        referrer: clean(document.referrer),
        page_view: pageView,
        previous: previous || undefined
      },
      context: { campaign, click_ids, locale: navigator.language, webdriver: navigator.webdriver || undefined }
    });
    store();
    if (token && mode > 1) {
      calls.identify('', {}, { token });
      token = '';
    }
    if (known) flush();
  };
  const look = () => pageView && clean(location) != url && view();
  // Routers set the title a moment after the address, and may go on to another one at once.
  const lookSoon = () => after(50, look);

  // Clicks.
  const ignored = (element) => element.closest('[data-michi-ignore]');
  const click = ({ button, target }) => {
    const link = button < 2 && target.closest('a[href],[data-michi-click]');
    if (!link || ignored(link)) return;
    const name = link.dataset.michiClick;
    // What leads nowhere else leads to this page.
    const to = clean(link.href || url);
    const file = link.hasAttribute('download') || /\.(pdf|docx?|xlsx?|pptx?|zip|csv|epub)$/i.test(link.pathname);
    if (file || name != null || (/^(http|mailto|tel)/.test(to) && link.host != location.host))
      event(file ? 'File Downloaded' : 'Link Clicked', {
        target: to,
        text: file ? undefined : words(name || link.textContent, 80)
      });
    if (known) flush();
  };

  // Forms that ask for it. Luhn's sum tells a card number from other numbers of thirteen digits and more.
  const hasCard = (value) =>
    (value.normalize('NFKC').match(/[1-9]\d{3}[ .-]?(\d{4}[ .-]?\d{4}[ .-]?\d{1,7}|\d{6}[ .-]?\d{4,5})/g) || []).some(
      (number) =>
        !(
          [...number.replace(/\D/g, '')]
            .reverse()
            .reduce((sum, digit, i) => sum + (i % 2 ? digit * 2 - 9 * (digit > 4) : +digit), 0) % 10
        )
    );
  const submit = ({ target }) => {
    const form = target.dataset.michiForm;
    if (form == null || ignored(target)) return;
    const fields = {};
    let consent;
    let room = 8e3;
    for (const field of target.elements) {
      const { name, type, value } = field;
      if (!name || field.disabled || ignored(field)) continue;
      if (type == 'checkbox' && name == 'consent')
        consent = { granted: field.checked, text: words((field.labels[0] || field).textContent, 1e3) };
      else if (
        value &&
        (field.checked || !/checkbox|radio/.test(type)) &&
        !/password|hidden|file|submit|button|reset/.test(type) &&
        !/card|cvc|cvv|pass|secret|token|iban|\bcc-/i.test(name + ' ' + field.autocomplete) &&
        !hasCard(value)
      ) {
        const text = value.slice(0, room);
        room -= text.length;
        fields[name] = fields[name] ? fields[name] + ', ' + text : text;
      }
    }
    identifiedBy(fields.email);
    event('Form Submitted', { form, fields, consent, millis: performance.now() | 0 }, 1);
    flush();
  };

  // The page's own calls: michi('track', 'Price Calculated', {seats: 20}).
  const calls = {
    page: view,
    track(name, properties) {
      event(name, properties);
      flush();
    },
    identify(userId, traits, options) {
      if (userId === Object(userId)) return calls.identify('', userId, traits);
      traits = { ...traits };
      identifiedBy(traits.email || (/@/.test(userId) && userId));
      push({ type: 'identify', userId: userId || undefined, traits, context: { ...options } }, 1);
      flush();
    },
    consent(wish) {
      // Against a privacy signal only the visitor's own full consent counts.
      change(privacySignal && wish != 'full' ? 0 : MODES.indexOf(wish));
    },
    reset: renew
  };
  const call = safe(([name, ...given]) => {
    look();
    calls[name](...given);
  });

  const start = () => {
    const waiting = [...((window.michi || {}).q || [])];
    window.michi = (...given) => call(given);
    // A copy of the stub, taken before now, goes on pushing here.
    window.michi.q = { push: call };

    const here = location.href.replace(/([?&])michi_token=([^&#]*)&?/, (whole, sign, value) => ((token = value), sign));
    // Nothing else of the address is touched.
    if (token) history.replaceState(history.state, '', here.replace(/[?&](#|$)/, '$1'));
    waiting.forEach((given) => given[0] == 'consent' && call(given));
    if (!pageView) view();
    // This first page view is the one that a waiting "page" asks for.
    waiting.forEach((given) => /consent|page/.test(given[0]) || call(given));
    retry();

    ['pushState', 'replaceState'].forEach((name) => {
      const native = history[name];
      history[name] = function () {
        const result = native.apply(this, arguments);
        lookSoon();
        return result;
      };
    });
    on('popstate', lookSoon);
    on('focus', tick);
    on('blur', tick);
    on('visibilitychange', () => {
      tick();
      retry();
      if (document.hidden) flush();
    });
    on('pagehide', () => {
      flush();
      engagedSince = 0;
      store();
    });
    on('pageshow', ({ persisted }) => persisted && view());
    on('click', click);
    on('auxclick', click);
    on('submit', submit);
  };

  // What the site must opt in to before anything happens.
  const unless = (attribute) => !(attribute in settings) && attribute;
  const missing =
    unless('key') ||
    (navigator.webdriver && unless('automation')) ||
    (/(^|\.)localhost$|^127\.|^\[::1]$|^$/.test(location.hostname) && unless('localhost'));
  if (missing) log('nothing is sent without data-' + missing);
  else if (document.prerendering) on('prerenderingchange', start);
  else safe(start)();
})();
