/* The host's look: theme, colours, font, locale, direction. */

const RIGHT_TO_LEFT = new Set(["ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "ps", "sd", "ug", "ur", "yi"]);
const CONTRAST_OF_TEXT = 4.5; // WCAG 2.2, 1.4.3
const CONTRAST_OF_MARKS = 3; // 1.4.11
const ADOPTED = {
  "--ground": "--color-background-primary",
  "--ink": "--color-text-primary",
  "--secondary": "--color-text-secondary",
};
const TEXT = ["--ink", "--secondary", "--accent", "--below", "--refusal"];
const MARKS = ["--edge", "--neutral"];

const root = document.documentElement;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

/** Follow a host context. Only what was given so far counts; later contexts carry only what changed. */
function applyTheme(context) {
  root.dataset.theme = context.theme === "dark" || (context.theme !== "light" && systemIsDark.matches) ? "dark" : "light";
  const variables = isObject(context.styles?.variables) ? context.styles.variables : {};
  for (const font of ["--font-sans", "--font-mono"]) adopt(font, textOf(variables[font]));
  adoptColours(variables);
  formats = formatsOf(textOf(context.locale) || undefined, textOf(context.timeZone) || undefined);
  root.dir = isRightToLeft(context.locale) ? "rtl" : "ltr";
  for (const [side, size] of Object.entries(isObject(context.safeAreaInsets) ? context.safeAreaInsets : {})) {
    if (["top", "right", "bottom", "left"].includes(side) && isNumber(size)) document.body.style.setProperty(`padding-${side}`, `${size}px`);
  }
}

const isRightToLeft = (locale) => RIGHT_TO_LEFT.has(textOf(locale).split(/[-_]/)[0].toLowerCase());

const adopt = (name, value) => (value ? root.style.setProperty(name, value) : root.style.removeProperty(name));

/** Take the host's ground and inks where every text and mark of ours can be read on them, else none of them. */
function adoptColours(variables) {
  for (const [name, theirs] of Object.entries(ADOPTED)) adopt(name, textOf(variables[theirs]));
  const ground = colour("--ground");
  const holds = (least) => (name) => contrast(colour(name), ground) >= least;
  if (!ground || !TEXT.every(holds(CONTRAST_OF_TEXT)) || !MARKS.every(holds(CONTRAST_OF_MARKS))) {
    for (const name of Object.keys(ADOPTED)) adopt(name, "");
  }
}

/** A custom property as opaque red, green and blue, in whatever notation it is written; undefined where it is none. */
function colour(name) {
  const probe = h("i", { style: { color: `var(${name})`, display: "none" } });
  root.append(probe);
  const value = getComputedStyle(probe).color;
  const inherited = !CSS.supports("color", getComputedStyle(root).getPropertyValue(name).trim());
  probe.remove();
  if (inherited) return undefined;
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = value;
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
  return alpha === 255 ? [red, green, blue] : undefined;
}

/** The contrast ratio of two colours (WCAG 2.2); 0 where one of them is none. */
function contrast(one, other) {
  if (!one || !other) return 0;
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

function luminance(channels) {
  const [red, green, blue] = channels.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
