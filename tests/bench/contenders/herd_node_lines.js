// herd_node_lines.js - the lines of the protocol: what is well-formed, and
// which of two sightings is newer. Pure functions.
//
// Bytes are bytes: a string here has one character for each ("latin1"). White
// space is six of them; \s would be more. Times are pairs of whole numbers,
// seconds and nanoseconds, for one double cannot tell neighbouring nanoseconds
// apart.
'use strict';

const { raw } = String;
const FIELD = raw`[^ \t-\r]+`;
const LATITUDE = raw`[+-]0*(?:[0-8]?\d(?:\.\d*)?|90(?:\.0*)?)`;
const LONGITUDE = raw`[+-]0*(?:(?:\d\d?|1[0-7]\d)(?:\.\d*)?|180(?:\.0*)?)`;
const LOCATION = `${LATITUDE}${LONGITUDE}/?`;
const STAMP = raw`(\d+)(?:\.(\d{0,9})\d*)?`; // seconds, nanoseconds
const NUMBER = raw`[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?`;
const RADIUS = raw`0*(?:[0-4]?\d(?:\.\d*)?|50(?:\.0*)?)`;
const BOUND = raw`0*(?:1?\d|20)`;
const UPDATE = `AT ${FIELD} ${NUMBER} (${FIELD}) ${LOCATION} ${STAMP}`;

// The commands in normal form: single spaces, nothing around them but the LF.
// They match where lastIndex is ("y"), in the midst of what a client has sent.
const IAMAT = new RegExp(`IAMAT ((${FIELD}) ${LOCATION} ${STAMP})\n`, 'y');
const WHATSAT = new RegExp(`WHATSAT (${FIELD}) (${RADIUS}) (${BOUND})\n`, 'y');
const AT = new RegExp(`(${UPDATE})((?: ${FIELD})*)\n`, 'y');

function match(command, text, start) {
  command.lastIndex = start;
  return command.exec(text);
}

const FIELDS = new RegExp(FIELD, 'g');

// The fields of a line; null if it is blank.
function fieldsOf(line) {
  return line.match(FIELDS);
}

// A line without the white space around its fields.
function trim(line, fields) {
  const last = fields[fields.length - 1];
  const end = line.lastIndexOf(last) + last.length;
  return line.slice(line.indexOf(fields[0]), end);
}

const ONLY_AT = /[ \t-\r]*AT[ \t-\r]/y;

function beginsWithAt(line) {
  ONLY_AT.lastIndex = 0;
  return ONLY_AT.test(line);
}

function isZero(number) {
  return /^[0.]*$/.test(number);
}

// --- times -------------------------------------------------------------------

class Moment {
  constructor(seconds, nanoseconds) {
    this.seconds = seconds;
    this.nanoseconds = nanoseconds;
  }
}

// Of the two parts of a STAMP; null if 64 bits do not hold it in nanoseconds.
function readStamp(whole, fraction = '') {
  const seconds = Number(whole);
  const nanoseconds = Number(fraction.padEnd(9, '0'));
  if (seconds < 9223372036 ||
      (seconds === 9223372036 && nanoseconds <= 854775807))
    return new Moment(seconds, nanoseconds);
  return null;
}

function isLater(a, b) {
  return a.seconds > b.seconds ||
    (a.seconds === b.seconds && a.nanoseconds > b.nanoseconds);
}

// a - b with its sign and nine decimals.
function formatDifference(a, b) {
  if (isLater(b, a)) return '-' + formatDistance(b, a);
  return '+' + formatDistance(a, b);
}

function formatDistance(later, earlier) {
  let seconds = later.seconds - earlier.seconds;
  let nanoseconds = later.nanoseconds - earlier.nanoseconds;
  if (nanoseconds < 0) {
    seconds--;
    nanoseconds += 1e9;
  }
  return seconds + '.' + String(1e9 + nanoseconds).slice(1);
}

// --- which is newer ----------------------------------------------------------

// A client seen at a moment: its own clock's, and the AT line with its LF.
class Sighting {
  constructor({ seconds, nanoseconds }, line) {
    this.seconds = seconds;
    this.nanoseconds = nanoseconds;
    this.line = line;
  }
}

// In whatever order servers hear of two sightings, all keep the same one.
function isNewer(a, b) {
  if (a.seconds !== b.seconds) return a.seconds > b.seconds;
  if (a.nanoseconds !== b.nanoseconds) return a.nanoseconds > b.nanoseconds;
  if (a.line === b.line) return false;
  const x = readDifference(a.line);
  const y = readDifference(b.line);
  if (x.isOwn !== y.isOwn) return x.isOwn;
  if (x.nanoseconds !== y.nanoseconds) return x.nanoseconds < y.nanoseconds;
  return a.line < b.line;
}

const OWN_FORM = /^[+-]\d+\.\d{9}$/;
const PARTS = /^([+-]?)0*(\d*)(?:\.(\d*))?(?:[eE](.*))?$/;
const INT64_MAX = 2n ** 63n - 1n;

// The difference in an AT line, of whatever form, in whole nanoseconds. Needed
// when two stamps are the same, which is rare: so it may be slow.
function readDifference(line) {
  const field = line.split(' ', 3)[2];
  const [, sign, whole, fraction = '', exponent = 0] = PARTS.exec(field);
  const zeros = /^0*/.exec(whole + fraction)[0].length;
  const digits = (whole + fraction).slice(zeros);
  const wanted = whole.length + Number(exponent) + 9 - zeros;

  let magnitude = 0n;
  if (digits && wanted > 19) magnitude = 2n ** 64n; // of any that is too large
  else if (digits && wanted > 0)
    magnitude = BigInt(digits.slice(0, wanted).padEnd(wanted, '0'));
  const most = sign === '-' ? INT64_MAX + 1n : INT64_MAX;
  const fits = magnitude <= most;
  if (!fits) magnitude = most;
  return {
    nanoseconds: sign === '-' ? -magnitude : magnitude,
    isOwn: fits && OWN_FORM.test(field),
  };
}

module.exports = {
  IAMAT, WHATSAT, AT, match, fieldsOf, trim, beginsWithAt, isZero,
  Moment, readStamp, formatDifference, Sighting, isNewer,
};
