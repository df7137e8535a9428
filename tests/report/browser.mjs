// What a real browser makes of a page of voice_report(): no line on the console, no request, no script, no serious fault of
// accessibility, at three widths and in both schemes, and the figures of a file. browser.mjs PAGE.html FOLDER [PICTURE.png
// [FIGURES.json]]: screenshots go to FOLDER; scripts/report-browser.sh runs it. It writes TAP.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import puppeteer from 'puppeteer-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const [, , file, folder, picture, figures] = process.argv;
const address = pathToFileURL(file).href;
const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--force-device-scale-factor=1'],
});

let tests = 0;
/** One line of TAP, and what is wrong below it. */
function outcome(title, faults) {
    tests += 1;
    console.log(`${faults.length ? 'not ok' : 'ok'} ${tests} - ${title}`);
    faults.forEach((fault) => console.log(`# ${fault}`));
    if (faults.length) process.exitCode = 1;
}

/** The page as it is shown, without a line break. */
const words = (page) => page.evaluate(() => document.body.innerText.replace(/\s+/g, ' '));

try {
    for (const scheme of ['light', 'dark']) {
        for (const width of [360, 820, 1280]) {
            const faults = [];
            const page = await browser.newPage();
            page.on('console', (message) => faults.push(`console ${message.type()}: ${message.text()}`));
            page.on('pageerror', (error) => faults.push(error.message));
            page.on('dialog', async (dialog) => { faults.push(`dialog ${dialog.message()}`); await dialog.dismiss(); });
            page.on('request', (request) => {
                if (request.url() !== address && !request.url().startsWith('data:')) faults.push(`request ${request.url()}`);
            });
            await page.setViewport({ width, height: 900 });
            await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
            await page.goto(address, { waitUntil: 'load' });
            const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
            if (overflow > 0) faults.push(`the page is ${overflow} pixels wider than the window`);
            if (await page.evaluate(() => document.scripts.length) > 0) faults.push('a script');
            if (await page.evaluate(() => document.images.length) > 0) faults.push('an image');
            // The page forbids scripts of its own; those of the test run beside it.
            await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
            await page.evaluate(`${axe}; undefined`);
            const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
            for (const { id, impact, nodes } of violations) {
                const line = `axe ${impact} ${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`;
                if (impact === 'serious' || impact === 'critical') faults.push(line);
                else console.log(`# ${line}`);
            }
            await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = false; }));
            await page.screenshot({ path: `${folder}/${scheme}-${width}.png`, fullPage: true });
            if (picture && scheme === 'light' && width === 1280) await page.screenshot({ path: picture, clip: { x: 0, y: 0, width: 1280, height: 1600 } });
            outcome(`${scheme}, ${width} pixels: no console line, no request, no script, no serious fault (axe-core)`, faults);
            await page.close();
        }
    }
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 900 });
    await page.goto(address, { waitUntil: 'load' });
    if (figures) {
        const shown = await words(page);
        for (const [label, value] of JSON.parse(readFileSync(figures, 'utf8'))) {
            outcome(`${label} is what SQL says, ${value}`, shown.includes(`${label} ${value} `) ? [] : [shown]);
        }
    }
    const { length } = await page.pdf({ path: `${folder}/paper.pdf`, format: 'A4' });
    outcome('it can be printed', length > 10_000 ? [] : [`a PDF of ${length} bytes`]);
} finally {
    await browser.close();
}
console.log(`1..${tests}`);
