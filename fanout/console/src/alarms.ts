// Alarms: shortly as a note in the corner, then in the list behind the bell until the page is closed.

import { byId, element } from "./element.ts";
import { now } from "./clock.ts";
import type { Alarm } from "./fleet.ts";
import { alarmName, clockTime } from "./names.ts";

const keptMost = 200;
const notesMost = 3;
const noteFor = 12_000;

export class Alarms {
  #known = new Set<string>();
  #kept: Alarm[] = []; // newest first
  #unseen = 0;
  #bell = byId<HTMLButtonElement>("bell");
  #count = byId("bell-count");
  #panel = byId("alarms");
  #list = byId("alarm-list");
  #notes = byId("notes");

  onSelect: (vehicle: string) => void = () => {};

  constructor() {
    this.#bell.addEventListener("click", () => this.toggle(this.#panel.hidden !== false));
    this.#panel.addEventListener("keydown", (press) => {
      if (press.key !== "Escape") return;
      this.toggle(false);
      this.#bell.focus();
      press.stopPropagation();
    });
    this.#draw();
  }

  /** add keeps an alarm unless it is here already; note false is for those that are no news. */
  add(alarm: Alarm, note: boolean): boolean {
    if (this.#known.has(alarm.key)) return false;
    this.#known.add(alarm.key);
    this.#kept.unshift(alarm);
    this.#kept.sort((a, b) => b.time - a.time);
    for (const old of this.#kept.splice(keptMost)) this.#known.delete(old.key);
    if (this.#panel.hidden) this.#unseen++;
    if (note && now() - alarm.time < 10 * 60_000) this.#note(alarm);
    this.#draw();
    return true;
  }

  clear(): void {
    this.#known.clear();
    this.#kept = [];
    this.#unseen = 0;
    this.#notes.replaceChildren();
    this.#draw();
  }

  toggle(open: boolean): void {
    this.#panel.hidden = !open;
    this.#bell.setAttribute("aria-expanded", String(open));
    if (open) this.#unseen = 0;
    this.#draw();
  }

  #draw(): void {
    this.#count.hidden = this.#unseen === 0;
    this.#count.textContent = this.#unseen > 99 ? "99+" : String(this.#unseen);
    this.#bell.setAttribute("aria-label", `Alarms, ${this.#unseen} new`);
    if (this.#panel.hidden) return;
    if (this.#kept.length === 0) {
      this.#list.replaceChildren(element("li", { class: "quiet" }, "No alarm so far."));
      return;
    }
    this.#list.replaceChildren(
      ...this.#kept.map((alarm) => {
        const open = element(
          "button",
          { type: "button" },
          element("strong", {}, alarmName(alarm.kind)),
          element("span", {}, `${alarm.vehicle} · ${clockTime(alarm.time)}`),
        );
        open.addEventListener("click", () => {
          this.toggle(false);
          this.onSelect(alarm.vehicle);
        });
        return element("li", {}, open);
      }),
    );
  }

  #note(alarm: Alarm): void {
    const open = element(
      "button",
      { type: "button", class: "note-open" },
      element("strong", {}, alarmName(alarm.kind)),
      element("span", {}, `${alarm.vehicle} · ${clockTime(alarm.time)}`),
    );
    const close = element("button", { type: "button", class: "note-close", "aria-label": "Close" }, "×");
    const note = element("div", { class: "note", "data-testid": "alarm-note" }, open, close);
    const end = window.setTimeout(() => note.remove(), noteFor);
    open.addEventListener("click", () => {
      clearTimeout(end);
      note.remove();
      this.onSelect(alarm.vehicle);
    });
    close.addEventListener("click", () => {
      clearTimeout(end);
      note.remove();
    });
    this.#notes.prepend(note);
    while (this.#notes.children.length > notesMost) this.#notes.lastElementChild!.remove();
  }
}
