// Everything that is known of the selected vehicle.

import { age } from "./clock.ts";
import { byId, element, setText } from "./element.ts";
import { fixTime, millis } from "./event.ts";
import type { Vehicle } from "./fleet.ts";
import { alarmName, clockTime, describe, distance, fullTime, heading, protocolName, words } from "./names.ts";
import type { Summary } from "./trail.ts";

const stateNames = { moving: "Moving", parked: "Parked", stale: "No contact", alarm: "Alarm" };

export class Details {
  #panel = byId("details");
  #title = byId("details-title");
  #state = byId("details-state");
  #alarm = byId("details-alarm");
  #alarmText = byId("details-alarm-text");
  #groups = {
    position: byId("details-position"),
    day: byId("details-day"),
    attrs: byId("details-attrs"),
    device: byId("details-device"),
  };
  #summary: Summary | null = null;

  show(vehicle: Vehicle): void {
    this.#panel.hidden = false;
    setText(this.#title, vehicle.id);
    this.update(vehicle);
  }

  hide(): void {
    this.#panel.hidden = true;
  }

  trail(summary: Summary): void {
    this.#summary = summary;
    this.#fill(this.#groups.day, day(summary));
  }

  update(vehicle: Vehicle): void {
    const { fix, last } = vehicle;
    setText(this.#state, `${stateNames[vehicle.state]} · ${age(vehicle.heard)}`);
    this.#state.dataset.state = vehicle.state;
    this.#alarm.hidden = vehicle.alarm === null || vehicle.state !== "alarm";
    if (vehicle.alarm) setText(this.#alarmText, `${alarmName(vehicle.alarm.kind)} at ${clockTime(vehicle.alarm.time)}`);

    const position: [string, string][] = [];
    if (fix) {
      position.push(["Coordinates", `${fix.lat.toFixed(6)}, ${fix.lng.toFixed(6)}`]);
      if (fix.speed !== undefined) position.push(["Speed", `${round(fix.speed)} km/h`]);
      if (fix.course !== undefined) position.push(["Heading", heading(fix.course)]);
      if (fix.alt !== undefined) position.push(["Altitude", `${round(fix.alt)} m`]);
      if (fix.sats !== undefined) position.push(["Satellites", String(fix.sats)]);
      if (fix.hdop !== undefined) position.push(["HDOP", String(fix.hdop)]);
      position.push(["Time of the fix", fullTime(fixTime(fix))]);
    } else {
      position.push(["Position", "none yet"]);
    }
    this.#fill(this.#groups.position, position);

    const attrs = [...vehicle.attrs].map(([name, value]) => describe(name, value));
    attrs.sort(([a], [b]) => a.localeCompare(b));
    this.#fill(this.#groups.attrs, attrs.length > 0 ? attrs : [["Attributes", "none sent"]]);

    const device: [string, string][] = [];
    if (last.device) device.push(["Device", last.device]);
    if (last.protocol) device.push(["Protocol", protocolName(last.protocol)]);
    if (last.kind) device.push(["Last record", words(last.kind)]);
    if (last.time) device.push(["Device time", fullTime(millis(last.time))]);
    if (last.received) device.push(["Received", fullTime(millis(last.received))]);
    if (last.valid === false) device.push(["Fix", "marked invalid by the device"]);
    if (last.id) device.push(["Record", last.id]);
    if (last.seq) device.push(["Sequence", last.seq]);
    this.#fill(this.#groups.device, device);
    if (this.#summary) this.trail(this.#summary);
  }

  /** fill writes names and values into a list, and touches only what is different from before. */
  #fill(list: HTMLElement, pairs: [string, string][]): void {
    while (list.children.length > pairs.length) list.lastElementChild!.remove();
    pairs.forEach(([name, value], i) => {
      let pair = list.children[i] as HTMLElement | undefined;
      if (!pair) {
        pair = element("div", {}, element("dt"), element("dd"));
        list.append(pair);
      }
      setText(pair.firstElementChild as HTMLElement, name);
      setText(pair.lastElementChild as HTMLElement, value);
    });
  }
}

function day(summary: Summary): [string, string][] {
  if (summary.state === "loading") return [["Trail", "loading …"]];
  if (summary.state === "failed" && summary.fixes === 0) return [["Trail", "could not be loaded"]];
  if (summary.fixes === 0) return [["Trail", "no fixes today"]];
  const pairs: [string, string][] = [
    ["Distance", distance(summary.metres)],
    ["Fixes", summary.fixes.toLocaleString()],
    ["From – to", `${clockTime(summary.from)} – ${clockTime(summary.to)}`],
  ];
  if (summary.state === "failed") pairs.push(["Trail", "live part only"]);
  else if (!summary.complete) pairs.push(["Trail", "a part of the day only"]);
  return pairs;
}

function round(value: number): string {
  return value.toLocaleString(undefined, { maximumFractionDigits: 1 });
}
