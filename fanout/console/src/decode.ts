// The page that says which bytes of a frame mean what: asks POST /api/decode, and shows the frame beside its fields. Pointing at one shows the other.

import { byId, element, setText } from "./element.ts";
import { cleanToken, storedToken, storeToken } from "./session.ts";

/** Item is a range of bytes that means something. Offsets are within the line that was pasted. */
interface Item {
  frame: number;
  offset: number;
  length: number;
  depth: number;
  raw: string;
  name: string;
  event?: number;
  field: boolean;
  value: unknown;
  rule: string;
  reader?: string;
}

interface Frame {
  offset: number;
  length: number;
  type: string;
  error: string | null;
  reply: string;
  events: Record<string, unknown>[];
}

interface Result {
  protocol: string | null;
  over: string;
  bytes: string;
  device: string | null;
  error: string | null;
  frames: Frame[];
  explain: Item[];
}

interface Candidate {
  protocol: string;
  verdict: string;
  over: string;
  port: number;
  reason: string;
  meaning: string;
}

interface Answer {
  protocols: string[];
  candidates: Candidate[];
  results: Result[];
}

const protocolChoice = byId<HTMLSelectElement>("protocol");
let asked = 0; // the answer to an older question is dropped

function post(token: string, input: string): Promise<Response> {
  return fetch("/api/decode", {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ input, protocol: protocolChoice.value }),
    credentials: "omit",
    cache: "no-store",
  });
}

async function ask(): Promise<void> {
  const question = ++asked;
  const given = cleanToken(byId<HTMLInputElement>("token").value);
  if (given !== "") storeToken(given);
  const token = given !== "" ? given : storedToken();
  setText(byId("problem"), "");
  let answer: Response;
  try {
    answer = await post(token, byId<HTMLTextAreaElement>("input").value);
  } catch {
    setText(byId("problem"), "The gateway does not answer.");
    return;
  }
  if (question !== asked) return;
  if (answer.status === 401) {
    byId("token-row").hidden = false;
    byId("token").focus();
    setText(byId("problem"), token === "" ? "An access token is needed." : "The token was refused.");
    return;
  }
  const body: unknown = await answer.json().catch(() => null);
  if (question !== asked) return;
  if (!answer.ok) {
    setText(byId("problem"), String((body as { error?: unknown } | null)?.error ?? `The gateway answered ${answer.status}.`));
    return;
  }
  byId("token-row").hidden = true;
  show(body as Answer);
}

function show(answer: Answer): void {
  offer(answer);
  const list = byId("candidate-list");
  list.replaceChildren(...answer.candidates.map(candidate));
  byId("candidates").hidden = answer.candidates.length === 0;
  const taken = answer.results[0]?.protocol ?? "";
  for (const button of list.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset["protocol"] === taken));
  }
  byId("results").replaceChildren(...answer.results.flatMap(result));
}

function candidate(c: Candidate): HTMLElement {
  const button = element(
    "button",
    { type: "button", "data-protocol": c.protocol },
    element("strong", {}, c.protocol),
    ` over ${c.over}, port ${c.port}: ${c.verdict}`,
    element("small", {}, c.reason),
    element("small", {}, c.meaning),
  );
  button.addEventListener("click", () => {
    protocolChoice.value = c.protocol;
    void ask();
  });
  return element("li", {}, button);
}

/** offer makes a choice of each protocol that the gateway knows. */
function offer(answer: Answer): void {
  for (const name of answer.protocols) {
    if (![...protocolChoice.options].some((o) => o.value === name)) protocolChoice.append(element("option", { value: name }, name));
  }
}

function result(r: Result): HTMLElement[] {
  if (r.frames.length === 0) {
    return [
      element(
        "section",
        { class: "frame" },
        element("h2", {}, r.protocol ?? "Unknown bytes"),
        element("p", { class: "fault" }, r.error ?? "There is no whole frame in these bytes."),
        element("pre", {}, r.bytes),
      ),
    ];
  }
  return r.frames.map((f, i) => frame(r, f, r.explain.filter((item) => item.frame === i)));
}

function frame(r: Result, f: Frame, items: Item[]): HTMLElement {
  const bytes = Uint8Array.from(r.bytes.match(/../g) ?? [], (two) => parseInt(two, 16)).slice(f.offset, f.offset + f.length);
  const facts = [`${bytes.length} bytes over ${r.over}`];
  if (r.device !== null) facts.push(`device ${r.device}`);
  facts.push(f.reply === "" ? "no answer is owed" : `answer ${f.reply}`);
  const section = element(
    "section",
    { class: "frame", "data-testid": "frame" },
    element("h2", {}, `${r.protocol ?? ""} ${f.type === "" ? "frame" : f.type}`),
    element("p", {}, facts.join(" · ")),
  );
  if (f.error !== null) section.append(element("p", { class: "fault" }, f.error));
  section.append(sides(bytes, f.offset, items));
  f.events.forEach((event, i) => {
    const kind = typeof event["kind"] === "string" ? event["kind"] : "event";
    section.append(
      element("details", {}, element("summary", {}, `event ${i + 1}: ${kind}`), element("pre", {}, JSON.stringify(event, null, 2))),
    );
  });
  return section;
}

const perLine = 16;

/** sides is the grid of bytes and the table of items, tied to each other. */
function sides(bytes: Uint8Array, from: number, items: Item[]): HTMLElement {
  const owners: number[][] = Array.from(bytes, () => []); // the items of each byte, outermost first
  items.forEach((item, i) => {
    for (let at = item.offset - from; at < item.offset - from + item.length; at++) owners[at]?.push(i);
  });
  const cells: HTMLElement[][] = [];
  const grid = element("div", { class: "bytes", "data-testid": "bytes" });
  for (let start = 0; start < bytes.length; start += perLine) {
    const hex = element("span", { class: "hex" });
    const text = element("span", { class: "text" });
    bytes.slice(start, start + perLine).forEach((byte, i) => {
      const at = start + i;
      const kind = (owners[at] ?? []).some((o) => items[o]?.field) ? "field" : "part";
      const attributes = { "data-at": String(at), "data-kind": kind };
      const pair = [
        element("i", attributes, byte.toString(16).padStart(2, "0")),
        element("i", attributes, byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·"),
      ];
      hex.append(pair[0]!);
      text.append(pair[1]!);
      cells.push(pair);
    });
    grid.append(element("div", { class: "line" }, element("span", { class: "at" }, String(from + start)), hex, text));
  }
  const rows = items.map(row);
  const table = element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...["At", "Raw", "Name", "Value", "Rule"].map((title) => element("th", {}, title)))),
    element("tbody", {}, ...rows),
  );

  const clear = (): void => {
    for (const pair of cells) for (const cell of pair) cell.classList.remove("lit", "near");
    for (const r of rows) r.classList.remove("lit", "near");
  };
  const light = (i: number, name: "lit" | "near"): void => {
    const item = items[i];
    if (!item) return;
    for (let at = item.offset - from; at < item.offset - from + item.length; at++) {
      for (const cell of cells[at] ?? []) cell.classList.add(name);
    }
  };
  const showByte = (at: number): void => {
    clear();
    const owning = owners[at] ?? [];
    const inner = owning.filter((o) => items[o]!.length === Math.min(...owning.map((p) => items[p]!.length)));
    for (const o of owning) {
      light(o, inner.includes(o) ? "lit" : "near");
      rows[o]?.classList.add(inner.includes(o) ? "lit" : "near");
    }
    rows[inner[0] ?? -1]?.scrollIntoView({ block: "nearest" });
  };
  const showItem = (i: number): void => {
    clear();
    light(i, "lit");
    rows[i]?.classList.add("lit");
    cells[(items[i]?.offset ?? from) - from]?.[0]?.scrollIntoView({ block: "nearest" });
  };
  grid.addEventListener("pointerover", (event) => {
    const at = (event.target as HTMLElement).dataset["at"];
    if (at !== undefined) showByte(Number(at));
  });
  grid.addEventListener("pointerleave", clear);
  rows.forEach((r, i) => {
    r.addEventListener("pointerenter", () => showItem(i));
    r.addEventListener("focus", () => showItem(i));
  });
  table.addEventListener("pointerleave", clear);
  return element("div", { class: "sides" }, grid, element("div", { class: "items" }, table));
}

function row(item: Item): HTMLElement {
  const rule = element("td", { class: "rule" }, item.rule);
  if (item.reader !== undefined) rule.append(element("small", {}, ` ${item.reader}`));
  const name = item.event !== undefined && item.event > 0 ? `${item.name} (event ${item.event + 1})` : item.name;
  return element(
    "tr",
    { tabindex: "0", "data-kind": item.field ? "field" : "part", "data-depth": String(Math.min(item.depth, 3)), "data-name": item.name },
    element("td", { class: "at" }, String(item.offset)),
    element("td", { class: "raw" }, item.raw),
    element("td", { class: "name" }, name),
    element("td", { class: "value" }, item.value === null ? "" : JSON.stringify(item.value)),
    rule,
  );
}

byId<HTMLFormElement>("ask").addEventListener("submit", (submit) => {
  submit.preventDefault();
  void ask();
});
byId("token-row").hidden = storedToken() !== "";

/** offerProtocols fills the list of protocols, before anything was asked, for who is signed in. */
async function offerProtocols(): Promise<void> {
  const answer = await post(storedToken(), "");
  if (answer.ok) offer((await answer.json()) as Answer);
}

if (storedToken() !== "") void offerProtocols().catch(() => undefined);
