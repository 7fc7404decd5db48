/* Numbers and times in the host's locale, as the server's `display` writes them in English. */

const MISSING = "–";

/** The formats of a locale and a zone; one that the browser does not know falls back to the browser's own. */
function formatsOf(askedLocale, askedZone) {
  const locale = usable(askedLocale, (tag) => new Intl.NumberFormat(tag));
  const zone = usable(askedZone, (timeZone) => new Intl.DateTimeFormat(locale, { timeZone }));
  const cache = new Map();
  const number = (value, options) => {
    const key = JSON.stringify(options);
    if (!cache.has(key)) cache.set(key, new Intl.NumberFormat(locale, options));
    return cache.get(key).format(value);
  };
  const time = (text, options) => {
    const at = new Date(text);
    return Number.isNaN(at.valueOf()) ? String(text) : new Intl.DateTimeFormat(locale, options).format(at);
  };
  const unit = (value, name) => number(value, { style: "unit", unit: name, unitDisplay: "narrow" });
  const short = (value, options, tens) => number(...rounded(value, options, tens));
  const count = (value) => (Number.isInteger(value) ? number(value) : short(value));

  function duration(milliseconds) {
    const seconds = Math.floor(milliseconds / 1000);
    const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
    if (hours) return `${unit(hours, "hour")} ${unit(minutes % 60, "minute")}`;
    if (minutes) return `${unit(minutes, "minute")} ${unit(seconds % 60, "second")}`;
    return unit(seconds, "second");
  }

  return {
    locale,
    count,
    duration,
    rate: (value) => short(value, { style: "unit", unit: "percent" }, 2),
    chance: (value) => number(value, { style: "percent", maximumFractionDigits: 0 }),
    percent: (value) => number(value, { style: "percent", maximumSignificantDigits: 3 }),
    unit: (value, name) => unit(Math.round(value * 10) / 10, name),
    times: (value) => `${short(value)}x`,
    ratio: (value) => number(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
    amount: (value) => number(value, { minimumFractionDigits: Number.isInteger(value) ? 0 : 2, maximumFractionDigits: 2 }),
    seconds: (value) => short(value, { style: "unit", unit: "second", unitDisplay: "narrow" }),
    compact: (value) => number(value, { notation: "compact", maximumSignificantDigits: 3 }),
    /** A moment, in the host's zone. */
    moment: (text) => time(text, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit", timeZone: zone }),
    date: (text) => time(text, { dateStyle: "medium", timeZone: zone }),
    utc: (text) => time(text, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" }),
    /** The day, or the first day of the week, that a bucket names: a day of UTC wherever one looks from. */
    day: (text, more) => time(text, { month: "short", day: "numeric", timeZone: "UTC", ...more }),
  };
}

function usable(value, test) {
  try {
    test(value);
    return value;
  } catch {
    return undefined;
  }
}

/** A number times 10 to the power of `tens`, by its decimals and not as a machine keeps it. */
function scaled(value, tens) {
  const text = String(value);
  return text.includes("e") ? value * 10 ** tens : Number(`${text}e${tens}`);
}

/** One decimal, a half goes up, as the server writes it; more only where that would round a real value to nothing. */
function rounded(value, options, tens = 0) {
  const exact = scaled(value, tens);
  const size = Math.abs(exact);
  if (size >= 0.0001 && size < 0.05) return [exact, { ...options, maximumSignificantDigits: 1 }];
  const tenths = Math.round(scaled(value, tens + 1));
  return [tenths / 10, { ...options, minimumFractionDigits: 1, maximumFractionDigits: 1 }];
}

let formats = formatsOf(undefined, undefined);

/** How each metric is called and written. Rates are fractions, watch time is milliseconds. */
const METRICS = {
  views: ["Views", "count"],
  engagement_rate: ["Engagement rate", "rate"],
  watch_time_ms: ["Watch time, all views", "duration"],
  watch_seconds_per_view: ["Watched per view", "seconds"],
  engagement_times_median: ["Times the median", "times"],
  expected_rate: ["Rate to expect", "rate"],
  chance_real: ["Chance of a real breakout", "chance"],
  expected_times_usual: ["To expect, times its platforms' usual", "times"],
  conversions: ["Conversions", "count"],
  roas: ["Return on ad spend", "times"],
  expected_roas: ["Return to expect", "times"],
  spend: ["Spend", "amount"],
  cpa: ["Cost per conversion", "amount"],
  expected_cpa: ["Cost per conversion to expect", "amount"],
  cpc: ["Cost per click", "amount"],
  cpm: ["Cost per thousand", "amount"],
  ctr: ["Click-through rate", "rate"],
  follower_delta: ["New followers", "count"],
  posts_published: ["Posts published", "count"],
};

const label = (metric) => METRICS[metric]?.[0] ?? sentence(metric);

/** A metric's value in words; what is missing is told as missing. */
const written = (metric, value) => (isNumber(value) ? formats[METRICS[metric]?.[1] ?? "count"](value) : MISSING);

/** `video_remix` as people write it: "Video remix". */
const sentence = (name) => capital(plain(name));
const plain = (name) => String(name).replaceAll("_", " ");
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
