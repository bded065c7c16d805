// The marks on the map, drawn here rather than shipped. State is told by shape as well as by colour: a large arrow moves,
// a disc stands, a hollow disc is stale, a red one with a ring has an alarm. A nib on a disc says where it points.

export const density = 3; // pixels of an image per CSS pixel
const size = 34; // CSS pixels

export type Mark = "moving" | "parked" | "stale" | "alarm" | "town" | "capital";

const colours: Record<Mark, string> = {
  moving: "#12934f",
  parked: "#2f6fd0",
  stale: "#7b8794",
  alarm: "#d92d20",
  town: "#8a8f98",
  capital: "#8a8f98",
};

export function mark(kind: Mark, arrow: boolean): ImageData {
  const canvas = document.createElement("canvas");
  const town = kind === "town" || kind === "capital";
  canvas.width = canvas.height = (town ? 8 : size) * density;
  const draw = canvas.getContext("2d")!;
  draw.scale(density, density);
  draw.translate(canvas.width / density / 2, canvas.height / density / 2);
  draw.lineJoin = "round";
  if (town) dot(draw, kind === "capital" ? 3 : 2, colours[kind], "#ffffff");
  else if (arrow && (kind === "moving" || kind === "alarm")) navigation(draw, kind);
  else disc(draw, kind, arrow);
  return draw.getImageData(0, 0, canvas.width, canvas.height);
}

function dot(draw: CanvasRenderingContext2D, radius: number, fill: string, edge: string): void {
  draw.beginPath();
  draw.arc(0, 0, radius, 0, 2 * Math.PI);
  draw.fillStyle = fill;
  draw.fill();
  draw.strokeStyle = edge;
  draw.lineWidth = 1;
  draw.stroke();
}

function shadow(draw: CanvasRenderingContext2D): void {
  draw.shadowColor = "rgba(0, 0, 0, 0.45)";
  draw.shadowBlur = 3 * density;
  draw.shadowOffsetY = 0.5 * density;
}

function navigation(draw: CanvasRenderingContext2D, kind: Mark): void {
  if (kind === "alarm") {
    draw.beginPath();
    draw.arc(0, 0, 15.5, 0, 2 * Math.PI);
    draw.fillStyle = "rgba(217, 45, 32, 0.22)";
    draw.fill();
    draw.strokeStyle = colours.alarm;
    draw.lineWidth = 1.5;
    draw.stroke();
  }
  draw.beginPath();
  draw.moveTo(0, -13);
  draw.lineTo(9.5, 10.5);
  draw.lineTo(0, 6);
  draw.lineTo(-9.5, 10.5);
  draw.closePath();
  draw.save();
  shadow(draw);
  draw.strokeStyle = "#ffffff";
  draw.lineWidth = 4;
  draw.stroke();
  draw.restore();
  draw.fillStyle = colours[kind];
  draw.fill();
}

function disc(draw: CanvasRenderingContext2D, kind: Mark, nib: boolean): void {
  draw.save();
  shadow(draw);
  draw.beginPath();
  if (nib) {
    draw.moveTo(0, -15);
    draw.lineTo(5.5, -8);
    draw.lineTo(-5.5, -8);
    draw.closePath();
  }
  draw.moveTo(10, 0);
  draw.arc(0, 0, 10, 0, 2 * Math.PI);
  draw.fillStyle = "#ffffff";
  draw.fill();
  draw.restore();
  if (nib) {
    draw.beginPath();
    draw.moveTo(0, -13);
    draw.lineTo(4, -7.5);
    draw.lineTo(-4, -7.5);
    draw.closePath();
    draw.fillStyle = colours[kind];
    draw.fill();
  }
  draw.beginPath();
  draw.arc(0, 0, kind === "stale" ? 6.5 : 8, 0, 2 * Math.PI);
  if (kind === "stale") {
    draw.strokeStyle = colours.stale;
    draw.lineWidth = 3;
    draw.stroke();
    return;
  }
  draw.fillStyle = colours[kind];
  draw.fill();
  draw.fillStyle = "#ffffff";
  if (kind === "parked") draw.fillRect(-3, -3, 6, 6);
  else if (kind === "alarm") {
    draw.fillRect(-1.3, -5, 2.6, 6);
    draw.fillRect(-1.3, 2.6, 2.6, 2.6);
  } else {
    draw.beginPath();
    draw.arc(0, 0, 3, 0, 2 * Math.PI);
    draw.fill();
  }
}
