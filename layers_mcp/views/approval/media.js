/* What a piece looks like. Only files of the server's media origins are loaded; all others are links. */

const ORIGINS = new Set(config.mediaOrigins);
const VIDEO = /^video|\bmp4$|\bmov$|\bwebm$/i;
const IMAGE = /^(image|slide|picture|photo|thumbnail)/i;

/** A web address as a URL, else undefined. */
function addressOf(url) {
  try {
    const address = new URL(url);
    return ["https:", "http:"].includes(address.protocol) ? address : undefined;
  } catch {
    return undefined;
  }
}

const isVideo = (asset) => VIDEO.test(textOf(asset.kind)) || /\.(mp4|mov|webm|m4v)$/i.test(addressOf(asset.url)?.pathname ?? "");
const isImage = (asset) => !isVideo(asset) && (IMAGE.test(textOf(asset.kind)) || /\.(png|jpe?g|webp|gif|avif|svg)$/i.test(addressOf(asset.url)?.pathname ?? ""));

const lengthOf = (asset) => (isNumber(asset.duration_ms) ? formats.seconds(asset.duration_ms / 1000) : "");

/** The media of an item: a strip of its pictures or a video behind a drawn poster, and a link to each file. */
function mediaOf(item, played) {
  const assets = (Array.isArray(item.assets) ? item.assets : []).filter((asset) => isObject(asset) && addressOf(asset.url));
  if (assets.length === 0) return undefined;
  const name = textOf(item.hook) || item.container_id;
  const shown = assets.map((asset, index) => {
    const nth = assets.length > 1 ? `${formats.count(index + 1)} of ${formats.count(assets.length)}` : "";
    if (isInvented(asset.url)) return isVideo(asset) ? videoOf(asset, nth, played) : h("div", { class: "frame" }, drawing(asset.url));
    if (!ORIGINS.has(addressOf(asset.url).origin)) return poster("Kept elsewhere: open it to see it", nth);
    if (isVideo(asset)) return videoOf(asset, nth, played);
    return isImage(asset) ? imageOf(asset, `${nth ? `Picture ${nth}` : "Picture"} of “${name}”`, nth) : poster("Not a picture or a video", nth);
  });
  const strip = assets.length > 1 ? { tabindex: "0", role: "group", "aria-label": `${plural(assets.length, "file")}, side by side` } : {};
  const elsewhere = new Set(assets.map((asset) => addressOf(asset.url)).filter(({ origin }) => !ORIGINS.has(origin)).map(({ host }) => host));
  return [
    h("div", { class: "strip", ...strip }, shown),
    h("div", { class: "links" }, assets.map((asset, index) => linkTo(asset, assets.length > 1 ? index + 1 : 0)), elsewhere.size > 0 && h("small", null, `at ${[...elsewhere].join(", ")}`)),
  ];
}

/** What is drawn where no picture is: a dark frame with words. */
const poster = (words, nth, ...more) => h("div", { class: "frame poster" }, more, h("span", null, [words, nth].filter(Boolean).join(" · ")));

/** The sandbox's files do not exist, and a host under `.invalid` never will: what is drawn here stands for them. */
const isInvented = (url) => addressOf(url).hostname.endsWith(".invalid");

/** A drawing that is the same for the same address. */
function drawing(url) {
  const hue = [...url].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 0);
  const shape = (tag, fill, box) => svg(tag, { fill, ...box });
  return svg(
    "svg",
    { class: "drawing", viewBox: "0 0 90 160", role: "img", "aria-label": "A drawing in place of a file of the sandbox" },
    shape("rect", `hsl(${hue} 45% 32%)`, { width: 90, height: 160 }),
    shape("path", `hsl(${(hue + 40) % 360} 50% 45%)`, { d: "M0 95 90 50V160H0z" }),
    shape("circle", "#fff", { cx: 45, cy: 36, r: 17, opacity: 0.85 }),
    shape("rect", "#fff", { x: 15, y: 112, width: 60, height: 8, rx: 4, opacity: 0.9 }),
    shape("rect", "#fff", { x: 15, y: 127, width: 38, height: 8, rx: 4, opacity: 0.6 }),
  );
}

function imageOf(asset, alt, nth) {
  const frame = h("div", { class: "frame" });
  const failed = () => frame.replaceWith(poster("This picture could not be loaded here", nth));
  frame.append(h("img", { src: asset.url, alt, loading: "lazy", decoding: "async", referrerpolicy: "no-referrer", on: { error: failed } }));
  return frame;
}

function videoOf(asset, nth, played) {
  const length = lengthOf(asset);
  const words = ["Video", length, nth].filter(Boolean).join(" · ");
  const frame = h("div", { class: "frame poster" });
  const failed = () => frame.replaceChildren(h("span", null, "This video could not be loaded here"));
  const play = () => {
    if (isInvented(asset.url)) {
      played();
      frame.querySelector(".words").textContent = "The sandbox has no video to play";
      return;
    }
    const video = h("video", { src: asset.url, controls: true, playsinline: true, preload: "auto", "aria-label": words, on: { error: failed, playing: played } });
    frame.replaceChildren(video);
    video.focus({ preventScroll: true });
    video.play().catch(() => {}); // a browser may want another press; a file that cannot be loaded says so itself
  };
  if (isInvented(asset.url)) frame.append(drawing(asset.url));
  frame.append(button("play", [svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: "M8 5v14l11-7z" })), h("span", { class: "unseen" }, `Play the video${nth && `, ${nth}`}`)], play), h("span", { class: "words" }, words));
  return frame;
}

/** A file's link, which the host opens. */
function linkTo(asset, number) {
  const press = async () => {
    if (!(await host.open(asset.url))) say("The app did not open the file.");
  };
  return button("open", number ? `Open file ${formats.count(number)}` : "Open the file", press, { class: "link" });
}
