// Names and units for people. An attribute's unit is the suffix of its name, so one that the page has never heard of still
// reads well; the words below are those that the rule gets wrong. They are in maps: a device may call an attribute "constructor".

const units = new Map<string, [string, number?]>(Object.entries({
  v: ["V", 2],
  mv: ["mV", 0],
  a: ["A", 2],
  ma: ["mA", 0],
  w: ["W", 0],
  kwh: ["kWh", 1],
  pct: ["%", 0],
  l: ["l", 1],
  ml: ["ml", 0],
  c: ["°C", 1],
  dbm: ["dBm", 0],
  kmh: ["km/h", 0],
  lph: ["l/h", 1],
  rpm: ["rpm", 0],
  kpa: ["kPa", 0],
  bar: ["bar", 1],
  hpa: ["hPa", 0],
  deg: ["°", 0],
  g: ["g", 2],
  mg: ["mg", 0],
  kg: ["kg", 0],
  hz: ["Hz", 0],
  lux: ["lx", 0],
  km: ["km", 1],
  ms: ["ms", 0],
  min: ["min", 0],
}));

const whole = new Map<string, string>(Object.entries({
  rssi: "Signal (as sent)",
  rssi_dbm: "Signal",
  hours_s: "Engine hours",
  power_v: "Supply",
  battery_v: "Battery voltage",
  battery_pct: "Battery charge",
  fuel_l: "Fuel",
  odometer_m: "Odometer",
  trip_m: "Trip",
  driver_id: "Driver",
  cells: "Cell towers",
  wifi: "Wi-Fi networks",
  motion: "In motion",
  rpm: "Engine speed, 1/min",
  coolant_c: "Coolant",
  temp_device_c: "Temperature in the device",
  ...numbered("in", "", "Input", 8),
  ...numbered("out", "", "Output", 8),
  ...numbered("adc", "_v", "Analog input", 8),
  ...numbered("temp", "_c", "Temperature", 8),
  sos: "SOS",
}));

/** numbered names the first, second, ... of things of which a device has several. */
function numbered(start: string, end: string, title: string, count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${start}${i + 1}${end}`, `${title} ${i + 1}`]));
}

const upper = new Set(["id", "gsm", "gps", "gnss", "can", "adc", "vin", "iccid", "imsi", "imei", "io", "obd", "ble", "lac", "mcc", "mnc", "hdop", "pdop", "rfid", "sos", "dtc", "rpm", "din", "dout", "ain", "pcb", "usb", "sim"]);

export function words(name: string): string {
  const text = name
    .split("_")
    .filter((word) => word !== "")
    .map((word) => {
      const letters = word.replace(/\d+$/, "");
      return upper.has(letters) ? word.toUpperCase() : word.replace(/(\D)(\d+)$/, "$1 $2");
    })
    .join(" ");
  return text === "" ? name : text[0]!.toUpperCase() + text.slice(1);
}

function number(value: number, digits?: number): string {
  return value.toLocaleString(undefined, { maximumFractionDigits: digits ?? 6 });
}

export function distance(metres: number): string {
  return Math.abs(metres) < 1000 ? `${number(metres, 0)} m` : `${number(metres / 1000, 1)} km`;
}

export function duration(seconds: number): string {
  if (Math.abs(seconds) < 60) return `${number(seconds, 1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${number(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/** describe gives an attribute as a name and a value to read, both plain text. */
export function describe(name: string, value: unknown): [string, string] {
  const cut = name.lastIndexOf("_");
  const suffix = cut > 0 ? name.slice(cut + 1) : "";
  const stem = cut > 0 ? name.slice(0, cut) : name;
  if (typeof value === "number") {
    if (suffix === "m") return [whole.get(name) ?? words(stem), distance(value)];
    if (suffix === "s") return [whole.get(name) ?? words(stem), duration(value)];
    const unit = units.get(suffix);
    if (unit && !name.startsWith("io_")) {
      const [sign, digits] = unit;
      return [whole.get(name) ?? words(stem), `${number(value, digits)}${sign === "°" ? "" : "\u202f"}${sign}`];
    }
    return [whole.get(name) ?? words(name), number(value)];
  }
  const title = whole.get(name) ?? words(name);
  if (typeof value === "boolean") {
    const onOff = name === "ignition" || /^(din|dout|in|out|input|output|relay)_?\d*$/.test(name);
    return [title, onOff ? (value ? "On" : "Off") : value ? "Yes" : "No"];
  }
  if (typeof value === "string") return [title, value];
  if (Array.isArray(value) && value.every((item) => typeof item === "string" || typeof item === "number")) {
    return [title, value.join(", ")];
  }
  return [title, JSON.stringify(value, null, 1) ?? ""];
}

const protocols = new Map<string, string>(Object.entries({
  gt06: "GT06",
  h02: "H02",
  jt808: "JT/T 808",
  gps103: "GPS103",
  tk103: "TK103",
  egts: "EGTS",
  osmand: "OsmAnd",
  t800x: "T800X",
  calamp: "CalAmp",
  "wialon-ips": "Wialon IPS",
}));

export function protocolName(name: string): string {
  return protocols.get(name) ?? words(name);
}

const alarms = new Map<string, string>(Object.entries({ sos: "SOS", power_cut: "Power cut", low_battery: "Low battery" }));

export function alarmName(kind: string): string {
  return alarms.get(kind) ?? words(kind);
}

const winds = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];

export function heading(course: number): string {
  return `${Math.round(course)}° ${winds[Math.round((((course % 360) + 360) % 360) / 45) % 8]}`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "short",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

export function clockTime(ms: number): string {
  return clock.format(ms);
}

export function fullTime(ms: number): string {
  return full.format(ms);
}
