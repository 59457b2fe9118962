// One small language of patterns, the same in every SDK.
//
// Regular expressions differ between engines in dozens of small ways. So a pattern is read here, what would not mean
// the same everywhere is refused, and the rest is written anew for this engine.

import { asText, isAbsent, ofText } from "./base.js";

const LITERAL_ESCAPES = "^$\\.*+?()[]{}|/";
const CONTROLS = { n: "\\n", r: "\\r", t: "\\t" };
const CLASSES = { d: "0-9", w: "0-9A-Za-z_", s: "\\t\\n\\v\\f\\r " };
const MOST = 1000;

export const replaceRegex = ofText("replaceRegex", (text, pattern, replacement) => {
  const { engine, groups, wrong } = compiled(pattern);
  if (engine("u").test("")) throw wrong("matches the empty text, which every engine finds in other places");
  const parts = replacementParts(isAbsent(replacement) ? "" : asText(replacement, "replaceRegex"), groups, wrong);
  const search = engine("gu");
  let [replaced, done, found] = ["", 0];
  while ((found = search.exec(text)) !== null) {
    if (found[0] === "") {
      // `\b\d*` can be empty where there is something else. Engines differ in where they go on; this is what all SDKs do.
      search.lastIndex += text.codePointAt(search.lastIndex) > 0xffff ? 2 : 1;
      continue;
    }
    replaced += text.slice(done, found.index);
    for (const part of parts) replaced += typeof part === "number" ? found[part] ?? "" : part;
    done = search.lastIndex;
  }
  return replaced + text.slice(done);
});

export const matchesRegex = ofText("matchesRegex", (text, pattern) => compiled(pattern).engine("u").test(text));

/** The first group of the first match, unless it is empty; or the whole match when the pattern has no group. */
export const extractRegex = ofText("extractRegex", (text, pattern) => {
  const { engine, groups } = compiled(pattern);
  const found = engine("u").exec(text);
  // Engines differ in whether a group that can be empty took part.
  return found ? (groups > 0 ? found[1] || null : found[0]) : null;
});

/** `$0` to `$9` as numbers, everything else as text. */
function replacementParts(text, groups, wrong) {
  return text.split(/(\$[0-9$])/).map((part) => {
    if (part === "$$") return "$";
    if (!/^\$[0-9]$/.test(part)) return part;
    const group = Number(part[1]);
    if (group > groups) throw wrong(`has no group ${group}, which the replacement names`);
    return group;
  });
}

const known = new Map();

/** A pattern is written once and used for every record of an instance, so it is read once. */
function compiled(pattern) {
  let found = known.get(pattern);
  if (!found) {
    found = new Pattern(asText(pattern, "replaceRegex")).read();
    known.set(pattern, found);
  }
  return found;
}

/** A reader of patterns: each method reads a part and answers it for the engine, and whether a group in it is counted. */
class Pattern {
  constructor(text) {
    this.text = text;
    this.letters = Array.from(text);
    this.at = 0;
    this.groups = 0;
    this.wrong = (problem) => new Error(`the pattern \`${text}\` ${problem}`);
    this.notPortable = (what) => this.wrong(`is not portable: ${what}`);
  }

  read() {
    const { source } = this.alternatives();
    if (this.at < this.letters.length) throw this.wrong("has a `)` without its `(`");
    const engines = {};
    const engine = (flags) => {
      const found = (engines[flags] ??= new RegExp(source, flags));
      found.lastIndex = 0;
      return found;
    };
    return { engine, groups: this.groups, wrong: this.wrong };
  }

  get next() {
    return this.letters[this.at];
  }

  alternatives() {
    const parts = [this.sequence()];
    while (this.next === "|") {
      this.at += 1;
      parts.push(this.sequence());
    }
    return { source: parts.map((part) => part.source).join("|"), counted: parts.some((part) => part.counted) };
  }

  sequence() {
    let source = "";
    let counted = false;
    while (this.next !== undefined && this.next !== "|" && this.next !== ")") {
      const atom = this.atom();
      source += atom.source + this.quantifier(atom);
      counted ||= atom.counted;
    }
    return { source, counted };
  }

  atom() {
    const letter = this.next;
    this.at += 1;
    switch (letter) {
      case "(":
        return this.group();
      case "[":
        return { source: this.characterClass() };
      case ".":
        return { source: "[^\\n]" };
      case "^":
      case "$":
        return { source: letter, isPlace: true };
      case "\\":
        return this.escape();
      case "*":
      case "+":
      case "?":
        throw this.wrong(`has a \`${letter}\` with nothing before it`);
      case "]":
      case "{":
      case "}":
        throw this.notPortable(`an unescaped \`${letter}\`; write \`\\${letter}\``);
      default:
        return { source: literal(letter) };
    }
  }

  group() {
    let open = "(";
    if (this.next === "?") {
      if (this.letters[this.at + 1] !== ":") throw this.notPortable("of groups with `(?` there is only `(?:…)`");
      this.at += 2;
      open = "(?:";
    } else {
      this.groups += 1;
    }
    const { source, counted } = this.alternatives();
    if (this.next !== ")") throw this.wrong("has a `(` without its `)`");
    this.at += 1;
    return { source: `${open}${source})`, counted: counted || open === "(" };
  }

  escape() {
    const letter = this.next;
    this.at += 1;
    if (letter === undefined) throw this.wrong("ends with a lone `\\`");
    if (letter === "b") return { source: "\\b", isPlace: true };
    if (CLASSES[letter]) return { source: `[${CLASSES[letter]}]` };
    if ("DWS".includes(letter)) return { source: `[^${CLASSES[letter.toLowerCase()]}]` };
    if (CONTROLS[letter]) return { source: CONTROLS[letter] };
    if (LITERAL_ESCAPES.includes(letter)) return { source: literal(letter) };
    throw this.notPortable(`\`\\${letter}\``);
  }

  /** `*`, `+`, `?`, `{2}`, `{2,}`, `{2,5}`, and these followed by `?`. */
  quantifier(atom) {
    const from = this.at;
    const sign = this.next;
    if (sign === undefined || !"*+?{".includes(sign)) return "";
    if (sign === "{") this.counts();
    if (atom.counted && sign !== "?") {
      // What a group has of an earlier turn, some engines forget.
      throw this.notPortable(`\`${sign}\` behind a group that is counted; write \`(?:…)\``);
    }
    if (atom.isPlace) throw this.notPortable("a place such as `^`, `$` or `\\b` cannot be repeated");
    this.at += 1;
    if (this.next === "?") this.at += 1;
    const source = this.letters.slice(from, this.at).join("");
    if (this.next !== undefined && "*+?{".includes(this.next)) throw this.notPortable(`\`${this.next}\` behind \`${source}\``);
    return source;
  }

  /** Reads up to the closing brace. */
  counts() {
    const found = /^\{(\d+)(?:(,)(\d*))?\}/.exec(this.letters.slice(this.at).join(""));
    if (!found) throw this.notPortable("an unescaped `{`; write `\\{`");
    const [whole, least, comma, most] = found;
    const upper = most ? Number(most) : Number(least);
    if (upper > MOST || Number(least) > MOST) throw this.notPortable(`a count above ${MOST}`);
    if (comma && most && Number(most) < Number(least)) throw this.wrong(`has the counts of \`${whole}\` in the wrong order`);
    this.at += whole.length - 1;
  }

  characterClass() {
    let source = "[";
    if (this.next === "^") {
      source += "^";
      this.at += 1;
    }
    if (this.next === "]") throw this.notPortable("a `]` at the start of a class; write `\\]`");
    for (let first = true; ; first = false) {
      if (!first && this.next === "-" && this.letters[this.at + 1] !== "]") throw this.notPortable("a `-` in a class; write `\\-`");
      const item = this.classItem();
      if (item === undefined) return `${source}]`;
      if (this.next !== "-" || this.letters[this.at + 1] === "]" || this.letters[this.at + 1] === undefined) {
        source += item.source;
        continue;
      }
      if (this.letters[this.at + 1] === "-") throw this.notPortable("`--` in a class");
      this.at += 1;
      const last = this.classItem();
      if (item.code === undefined || last.code === undefined) throw this.notPortable("a range with a class at an end");
      if (last.code < item.code) throw this.wrong("has a range in the wrong order");
      source += `${item.source}-${last.source}`;
    }
  }

  /** One character or `\d` of a class; undefined at its end. */
  classItem() {
    const letter = this.next;
    this.at += 1;
    if (letter === undefined) throw this.wrong("has a `[` without its `]`");
    if (letter === "]") return undefined;
    if (letter === "[") throw this.notPortable("an unescaped `[` in a class; write `\\[`");
    if ("&-~|".includes(letter) && this.next === letter) throw this.notPortable(`\`${letter}${letter}\` in a class`);
    if (letter !== "\\") return { source: classLiteral(letter), code: letter.codePointAt(0) };
    const escaped = this.next;
    this.at += 1;
    if (escaped === undefined) throw this.wrong("ends with a lone `\\`");
    if (CLASSES[escaped]) return { source: CLASSES[escaped] };
    if (CONTROLS[escaped]) return { source: CONTROLS[escaped], code: { n: 10, r: 13, t: 9 }[escaped] };
    if (escaped === "-" || LITERAL_ESCAPES.includes(escaped)) {
      return { source: classLiteral(escaped), code: escaped.codePointAt(0) };
    }
    throw this.notPortable(`\`\\${escaped}\` in a class`);
  }
}

const literal = (letter) => (LITERAL_ESCAPES.includes(letter) ? `\\${letter}` : letter);
const classLiteral = (letter) => (letter === "-" || LITERAL_ESCAPES.includes(letter) ? `\\${letter}` : letter);
