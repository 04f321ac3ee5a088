// What is wrong with the page as it is shown now, in sentences. Runs in the page, as the body of a function.
const wrong = [];
const root = document.documentElement;
if (root.scrollWidth > innerWidth) {
  wrong.push(`the page is ${root.scrollWidth} px wide in a window of ${innerWidth}`);
}

// Landmarks, the outline, and names.
for (const landmark of ['header', 'nav', 'main', 'footer']) {
  if (document.querySelectorAll(`body > ${landmark}`).length !== 1) wrong.push(`not one ${landmark}`);
}
if (document.querySelectorAll('h1').length !== 1) wrong.push('not one h1');
let level = 1;
for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
  const its = Number(heading.tagName[1]);
  if (its > level + 1) wrong.push(`${heading.tagName} "${heading.textContent}" below a level ${level}`);
  level = its;
}
const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`two elements are called ${id}`);
const listed = [...document.querySelectorAll('nav a')].map((link) => link.getAttribute('href').slice(1));
for (const id of listed) if (!ids.includes(id)) wrong.push(`the contents lead to #${id}, which is not there`);
for (const heading of document.querySelectorAll('h2')) {
  if (!listed.includes(heading.id)) wrong.push(`the contents lack "${heading.textContent}"`);
}
for (const image of document.querySelectorAll('svg, img')) {
  if (!(image.getAttribute('aria-label') || image.getAttribute('alt'))) wrong.push('an image without a name');
}
for (const input of document.querySelectorAll('input')) if (!input.labels.length) wrong.push(`${input.id} has no label`);
for (const cell of document.querySelectorAll('th')) if (!cell.scope) wrong.push(`"${cell.textContent}" heads nothing`);

// Contrast as WCAG 2.2 (1.4.3) has it: 4.5 to 1, large text 3 to 1.
const parsed = (colour) => colour.match(/[\d.]+/g).map(Number);
const channel = (value) => (value <= 10.31475 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
const luminance = ([red, green, blue]) => 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = parsed(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
let texts = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (!node.textContent.trim() || !element.checkVisibility() || element.closest('title, desc')) continue;
  const style = getComputedStyle(element);
  const drawn = element.closest('svg');
  const front = parsed(drawn ? style.fill : style.color);
  const [low, high] = [luminance(front), luminance(behind(drawn ? drawn.parentElement : element))].sort((a, b) => a - b);
  const contrast = (high + 0.05) / (low + 0.05);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (contrast < (large ? 3 : 4.5)) wrong.push(`"${node.textContent.trim()}" has a contrast of ${contrast.toFixed(2)}`);
  texts += 1;
}
if (texts < 100) wrong.push(`only ${texts} texts were looked at`);
return wrong;
