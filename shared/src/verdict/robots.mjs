// Makes robots.txt from the npm package isbot, whose list of robots' user agents is public domain:
//
//   npm install --no-save isbot@5.2.3 && node robots.mjs > robots.txt
//
// Each line is a text that must stand in the user agent (behind ^: at its start), and behind a tab the whole pattern,
// where the text alone does not say it all. regex-lite has no look-around, so "not followed by" and "not preceded by"
// a few fixed texts are written out as what may stand there instead. The script stops where it cannot do that.
import { createRequire } from 'node:module';

const require = createRequire(`${process.cwd()}/`);
const { list } = require('isbot');
const { version, license } = require('isbot/package.json');

const META = /[\\^$.*+?()[\]{}|]/;
const inClass = (text) => text.replace(/[\\\]^-]/g, '\\$&');

// Every way to read on, from an edge of the text, that does not begin with one of `words`.
const otherThan = (words, edge, join) => {
  const next = new Map();
  for (const word of words) {
    const [first, ...rest] = word;
    next.set(first, [...(next.get(first) ?? []), rest]);
  }
  const ways = [edge, `[^${inClass([...next.keys()].join(''))}]`];
  for (const [first, rests] of next) {
    if (rests.every((rest) => rest.length > 0)) ways.push(join(first, otherThan(rests, edge, join)));
  }
  return `(?:${ways.join('|')})`;
};

const fixed = (texts) => {
  const words = texts.replace(/^\(\?:(.*)\)$/, '$1').split('|');
  for (const word of words) if (META.test(word)) throw new Error(`cannot write out ${word}`);
  return words.map((word) => [...word]);
};
const notAhead = (texts) => otherThan(fixed(texts), '$', (first, rest) => first + rest);
const notBehind = (texts) => otherThan(fixed(texts).map((word) => word.reverse()), '^', (last, rest) => rest + last);

const withoutLookAround = (pattern) => {
  const written = pattern
    .replace(/^\(\?<!([^()]*)\)/, (_, texts) => notBehind(texts))
    .replace(/\(\?!((?:\(\?:[^()]*\)|[^()])*)\)$/, (_, texts) => notAhead(texts))
    // JavaScript reads [\d-.] as three things, Rust as a range that is none.
    .replace(/(\\[dsw])-/g, '$1\\-');
  if (/\(\?(?:[=!]|<[=!])/.test(written)) throw new Error(`cannot write out ${pattern}`);
  return written;
};

// The longest text that stands in whatever the pattern matches: outside groups and classes, and not optional.
const longestText = (pattern) => {
  const runs = [''];
  const atoms = pattern.match(/\\.|\[(?:\\.|[^\]])*\]|[?*+]|\{[^}]*\}|[^]/g);
  let depth = 0;
  for (const atom of atoms) {
    if (atom === '(') depth += 1;
    if (atom === '|' && depth === 0) throw new Error(`cannot look into ${pattern}`);
    const text = /^\\[^\w]$/.test(atom) ? atom.slice(1) : atom.length === 1 && !META.test(atom) ? atom : '';
    if (/^[?*{]/.test(atom)) runs.push(runs.pop().slice(0, -1), '');
    else if (depth > 0 || text === '') runs.push('');
    else runs.push(runs.pop() + text);
    if (atom === ')') depth -= 1;
  }
  return runs.reduce((longest, run) => (run.length > longest.length ? run : longest));
};

const line = (pattern) => {
  if (pattern !== pattern.toLowerCase()) throw new Error(`not in lower case: ${pattern}`);
  const written = withoutLookAround(pattern);
  const bare = written.replace(/\\([^\w])/g, '$1');
  const [, start, text] = /^(\^?)([^]*)$/.exec(bare);
  if (longestText(written) === text) return start + text;
  return `${longestText(written)}\t${written}`;
};

console.log(`# What gives robots away in a user agent, in lower case.`);
console.log(`# Made by robots.mjs from the npm package isbot ${version} (${license}, https://isbot.js.org).`);
for (const pattern of list) console.log(line(pattern));
