// Elements and texts: everything that a stream or a client sent goes through textContent, never through HTML.

const THIN = "\u202f";

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((one) => one !== null && one !== undefined));
  return made;
}

/** Change an element's text only where it differs: each change costs a layout. */
export function say(made, text) {
  if (made.textContent !== text) made.textContent = text;
}

export const whole = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, THIN);
export const counted = (number, noun) => `${whole(number)}${THIN}${noun}${number === 1 ? "" : "s"}`;

export function seconds(number) {
  if (number === null || number === undefined) return "—";
  if (number < 0.001) return `${Math.round(number * 1e6)}${THIN}µs`;
  if (number < 1) return `${(number * 1000).toFixed(number < 0.1 ? 1 : 0)}${THIN}ms`;
  return `${number.toFixed(number < 10 ? 2 : 1)}${THIN}s`;
}

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "—";
  if (bytes < 10_000) return `${whole(bytes)}${THIN}B`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)}${THIN}kB` : `${(bytes / 1e6).toFixed(1)}${THIN}MB`;
}

export function money(dollars) {
  if (dollars === null || dollars === undefined) return "";
  return `$${dollars.toFixed(dollars === 0 ? 2 : dollars < 0.01 ? 5 : dollars < 1 ? 4 : dollars < 100 ? 2 : 0)}`;
}

const NAMES = new Map([[10, "LF"], [13, "CR"], [9, "TAB"], [0, "NUL"], [0xfeff, "BOM"]]);

/**
 * The bytes of a chunk as pieces {text, kind}: plain text, signs (line ends and what cannot be seen), and single bytes
 * of a character that a boundary cuts in two.
 */
export function pieces(bytes) {
  const found = [];
  const add = (text, kind) => {
    const last = found.at(-1);
    if (last !== undefined && last.kind === kind && kind === "plain") last.text += text;
    else found.push({ text, kind });
  };
  for (let at = 0; at < bytes.length; ) {
    const length = lengthOf(bytes, at);
    if (length === 0) {
      add(bytes[at].toString(16).toUpperCase().padStart(2, "0"), "byte");
      at += 1;
      continue;
    }
    const character = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(at, at + length));
    const code = character.codePointAt(0);
    if (NAMES.has(code)) add(NAMES.get(code), "sign");
    else if (code < 32 || (code >= 127 && code < 160)) add(`U+${code.toString(16).toUpperCase().padStart(4, "0")}`, "sign");
    else add(character, "plain");
    if (code === 10) add("\n", "break");
    at += length;
  }
  return found;
}

/** How many bytes the character has that begins there; 0 where none does, or it is not whole. */
function lengthOf(bytes, at) {
  const first = bytes[at];
  const length = first < 0x80 ? 1 : first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || first >= 0xf5 || at + length > bytes.length) return 0;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}
