// What a customer's server in Node sends with Segment's own package, pointed at michi by its host alone.
import { Analytics } from '@segment/analytics-node';

const { HOST, SERVER_KEY, SITE_KEY } = process.env;

const sending = async (writeKey, send) => {
  const analytics = new Analytics({ writeKey, host: HOST, maxRetries: 3 });
  analytics.on('error', (error) => {
    console.error(error);
    process.exitCode = 1;
  });
  send(analytics);
  await analytics.closeAndFlush();
};

// The secret key: a user by a userId alone.
await sending(SERVER_KEY, (analytics) => {
  const userId = 'node-user';
  const traits = { email: 'node@acme.example', firstName: 'Ann', lastName: 'Lee', company: { name: 'Acme', employees: 120 } };
  analytics.identify({ userId, traits });
  analytics.page({ userId, name: 'Pricing', properties: { url: 'https://www.example.com/pricing', title: 'Pricing' } });
  analytics.track({ userId, event: 'Plan Chosen', properties: { plan: 'team', seats: 20 } });
  // michi has no use for groups; that spoils nothing else of the batch.
  analytics.group({ userId, groupId: 'acme' });
});

// The public key: a browser's id, as if the site's server told what its pages do.
await sending(SITE_KEY, (analytics) => {
  const anonymousId = 'node-browser';
  analytics.page({ anonymousId, properties: { url: 'https://www.example.com/cases/kansai', title: '導入事例' } });
  analytics.track({ anonymousId, event: 'Video Watched', timestamp: new Date(Date.now() - 60_000) });
});
