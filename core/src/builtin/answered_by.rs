//! Who is on the line: a person, or a recording that nobody answers (a greeting, a menu, a screener, a carrier).
//!
//! A recording is known by set phrases, often several in one greeting and over several turns. A caller may speak of
//! messages and menus as well: who wants something, or answers after the recording, is a person.

use std::sync::LazyLock;

use super::intent::{Spot, meaningful_words};
use crate::text::{Phrases, Utterance, Word};
use crate::transcript::Role;

/// What took the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnsweredBy {
    Person,
    Voicemail,
    Menu,
    /// An assistant that asks who calls before it puts the call through.
    Screening,
    /// A carrier's announcement: no such number, nobody to be reached under it.
    OutOfService,
}

impl AnsweredBy {
    /// The summary of a call that no person took.
    pub fn summary(self) -> Option<&'static str> {
        match self {
            AnsweredBy::Person => None,
            AnsweredBy::Voicemail => Some("An answering machine took the call."),
            AnsweredBy::Menu => Some("A phone menu took the call."),
            AnsweredBy::Screening => Some("A call screener took the call."),
            AnsweredBy::OutOfService => Some("The number cannot be reached."),
        }
    }
}

/// What a phrase says of the speaker.
#[derive(Debug, Clone, Copy)]
enum Sign {
    /// Only recordings say so.
    Sure(AnsweredBy),
    /// Recordings say so, and people now and then: two of them make one.
    Likely(AnsweredBy),
}

use AnsweredBy::{Menu, OutOfService, Screening, Voicemail};

/// What recordings say.
static RECORDING: LazyLock<Phrases<Sign>> = LazyLock::new(|| {
    Phrases::new([
        (
            Sign::Sure(Voicemail),
            "after/at/past the tone/beep | you hear the/a tone/beep | for the tone/beep | record your/a message | \
             voice messaging | forwarded to voicemail/voice | forwarded to an/a automated/automatic/voice | \
             reached the voicemail/voice/mailbox/voicemailbox/answering/inbox | voicemail/voice-mail of/belonging | \
             mailbox/voicemail is full and | cannot accept any/new/more messages | mailbox that/has not/has been | mailbox belonging/of | \
             i/we can't/cannot/couldn't come to the phone | unable/able/available to come to | can't/cannot come to the phone right/now/at | take/answer your call | leave your name/number/message/details | leave us a message | \
             leave a brief/detailed/short/quick/voice message | leave a message with your | leave a message and i'll/we'll/i/we/your | \
             finished/done recording | stop recording | may now hang up | \
             person/party/customer you/you're are/calling/have/called | person/party you're/you trying/calling/called/dialed/dialled/were/are | \
             wireless/mobile/cellular/google customer/subscriber | subscriber you | maximum recording/message | \
             deje su/un mensaje/nombre | después del tono/pip/bip | buzón de voz | grabe su mensaje | \
             après le/ce bip/signal | messagerie vocale | messagerie de | laissez un/votre/moi message | laissez-moi un message | \
             nach dem signalton/ton/piepton/piep/signal | hinterlassen sie | mobilbox | \
             após o sinal/bipe | caixa postal | deixe seu/a sua/recado/mensagem/seu | deixe sua/uma mensagem | \
             dopo il segnale/bip | lasciate/lasci un messaggio | segreteria telefonica | na de piep/toon | spreek een bericht",
        ),
        (
            Sign::Likely(Voicemail),
            "you've/you reached | have reached | leave a message | leave me a message | leave a/your voicemail | you may/can hang up | mailbox/voicemail is full | \
             isn't/not available | is/currently unavailable | i'm/am/are/is unavailable | i'm/am not in/here/available | \
             not here right | away from my/the desk/phone | out of the office | get/getting back to you | \
             call/calling you back as/when | call you right back | your call as soon | return your call | \
             your name and | name and number | name and telephone/phone | record at | at/after the | \
             message has been | thank you for your message | sorry i/we missed | i/we missed your | \
             está disponible | llame más tarde | devolveré la llamada | absent pour/pour le | je vous rappelle/rappellerai | \
             bin ich/gerade nicht | rufe/rufen sie zurück | não está/estou disponível | retorno a ligação | richiamerò appena",
        ),
        (
            Sign::Sure(Menu),
            "press/dial one/two/three/four/five/six/seven/eight/nine/zero/star/pound/hash/1/2/3/4/5/6/7/8/9/0 | \
             press the star/pound/hash | press any key/button | press/dial or/your say/extension | say or press | para/for español/spanish | \
             menu has changed/recently | options have changed/recently | dial by name | party's extension | \
             your call is important | call is very important | agents/representatives/operators/lines are currently/busy/assisting/helping | \
             all agents/representatives/operators/lines are | next available agent/representative/operator/associate | \
             our representatives/agents are | in the order it/they | estimated wait time | \
             marque/oprima/presione/pulse el/uno/dos/tres/cero/1/2/3/0 | tapez un/deux/1/2/3 | appuyez sur | faites le 1/2/3/un/deux/trois | \
             drücken sie | wählen sie die | digite/tecle/disque um/dois/1/2/3 | prema/digiti uno/due/il/1/2 | toets een/1/2",
        ),
        (
            Sign::Likely(Menu),
            "listen carefully/closely | main menu | menu options | call may be recorded/monitored | calls may/are be/being recorded/monitored | \
             stay on the line | remain on the line | office/business/opening hours are | currently/are/now closed | \
             thanks for calling | you for calling | a life-threatening/medical emergency | hang up and dial | \
             your extension | to hear this/these | to repeat this/these | please hold",
        ),
        (
            Sign::Sure(Screening),
            "record your name | state/say your name | your name and reason/why/what | name and reason for | \
             see if this/the person/party/customer | person/party is available | screening service/your | call screening | call assist | \
             say who's/who calling/is | does not accept calls/anonymous/blocked/private/unidentified | not accepting calls | \
             accept anonymous/blocked/private | unidentified calls/callers",
        ),
        (
            Sign::Likely(Screening),
            "reason for calling/your/the | why you're/you calling/are | copy/transcript of this conversation/call | try/trying to connect | connect you | google assistant | virtual assistant",
        ),
        (
            Sign::Sure(OutOfService),
            "number you have dialed/dialled/called/reached | number you've dialed/dialled/called/reached | \
             number you are/were calling/trying/dialing/dialling | number you dialed/dialled | number you called is/has/cannot | \
             completed as dialed/dialled | number is not in/assigned/allocated/recognised/recognized/reachable | \
             been disconnected or | number is unallocated/unobtainable | \
             has not been recognised/recognized | not a working number | call cannot/can't/couldn't be completed/connected | call could/can not be | \
             call did not go | switched off or | out of coverage | outside the coverage | not reachable at | \
             número que usted | número marcado | número que ha | fuera de cobertura | \
             numéro que vous | pas attribué | gewählte rufnummer/nummer | kein anschluss unter | teilnehmer ist/nicht | \
             nicht vergeben | número discado/chamado | número que você | número não existe | \
             numero da lei | cliente da lei | numero selezionato | non è raggiungibile",
        ),
        (
            Sign::Likely(OutOfService),
            "not in service | no longer in service | not a valid number | number is disconnected/invalid/incorrect/unavailable/no | \
             number has been changed/disconnected | no existe | fuera de servicio | vorübergehend nicht | been disconnected | temporarily unavailable/disconnected/out | check the number | dial/dialing again | \
             try/trying your call | try again later | call again later | switched/turned off | please try again | hang up and try",
        ),
    ])
});

/// What somebody says who wants, tells or asks something.
static PERSON: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "i want/need/wanted/needed/called/rang/phoned/got/heard/tried/pressed/keep/kept/dialed/dialled/listened/waited/wonder/wish/told/asked/said | \
          i just/only/already/also want/need/wanted/called/rang/got/left/tried/heard/pressed/dialed/dialled | i left you/a/two/three/my/him/her/them/messages | \
          i'd rather/prefer/love/like/better | i would like/rather/prefer/love | i'm calling/phoning/ringing/returning/interested/looking/wondering | \
          i am calling/phoning/ringing/returning/interested/looking/wondering | \
          can/could/may/might/shall/should i/we just/please/leave/speak/talk/get/have/book/make/come/change/cancel/reschedule/see/take/ask/give/pay/move/put/record/order/buy | \
          can/could/would/will you just/please/tell/give/take/pass/put/let/leave/call/ask/send/book/have/make/help/check/change/cancel/move/text/ring/say/repeat/spell/record/confirm | \
          did/are/were/have you | how much/soon/far | what do/does/is/are/was/time | \
          it/he/she/they/machine/recording/voicemail/system/somebody/someone/nobody said/says/told/tells/asked/asks/wants/cut/kept/keeps/hung/picked/answered | \
          your voicemail/machine/recording/answering/receptionist/menu/system/website/girl/colleague | \
          my number is/has | my appointment/order/account/booking/reservation/deposit/invoice/bill/crown/hair | \
          called/call me back | rang me back | tell/telling him/her/them/doctor/dr/mr/mrs/ms | \
          take/pass a message | pass on a | a message for | quiero/quisiera/necesito | me gustaría | puedo/podría/puede usted/dejar/dejarle | \
          je voudrais/veux | j'aimerais | puis-je | pouvez-vous | ich möchte/will/brauche/würde | kann/könnte/könnten/können ich/sie | \
          eu/gostaria quero/queria/de | vorrei/voglio/posso | ik wil",
    )])
});

/// What an agent says who was told something and will see to it.
static AGENT: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "pass it/that/this/your on/along/message | pass on your | i'll tell/let/give/note him/her/them/doctor/dr/that/it/the | \
         i'll make sure | i'll see that | i've/i have noted/written/taken | take/taken your message | take a message for | \
         give him/her/them/doctor/dr your/the | make sure he/she/they/doctor/dr/it | may/can/could i have/get your | \
         what's/what is/is your/the best",
    )])
});

/// Points of a recording; a sure phrase has as many.
const ENOUGH: u32 = 2;

impl Sign {
    fn points(self) -> u32 {
        match self {
            Sign::Sure(_) => ENOUGH,
            Sign::Likely(_) => 1,
        }
    }
}

/// Whether somebody answers, and if not, what does.
pub fn answered_by(said: &[Utterance]) -> AnsweredBy {
    let of_user = said.iter().filter(|s| s.role == Role::User);
    let points: u32 = of_user.flat_map(|s| RECORDING.find(&s.words)).map(|hit| hit.what.points()).sum();
    if points < ENOUGH {
        return AnsweredBy::Person;
    }
    let mut line = Line::default();
    for said in said {
        match said.role {
            Role::User => line.hear(&said.words),
            Role::Assistant if !said.words.is_empty() => {
                line.is_heard |= line.block.recording.is_some() && AGENT.are_in(&said.words);
                line.end_block();
            }
            Role::Assistant | Role::System => {}
        }
    }
    line.end_block();
    line.verdict()
}

/// Where the surest phrase of a recording stands, of equals the first.
pub fn heard_at(said: &[Utterance]) -> Option<Spot> {
    let of_user = said.iter().enumerate().filter(|(_, said)| said.role == Role::User);
    let hits = of_user.flat_map(|(turn, said)| RECORDING.find(&said.words).map(move |hit| (hit.what, (turn, hit.at))));
    hits.reduce(|best, hit| if hit.0.points() > best.0.points() { hit } else { best }).map(|(_, spot)| spot)
}

/// What the other side says between two turns of the agent.
#[derive(Debug, Default)]
struct Block {
    recording: Option<Sign>,
    is_person: bool,
    words: usize,
}

/// What was heard on the line so far.
#[derive(Debug, Default)]
struct Line {
    block: Block,
    /// The surest sign of a recording, of equals the first.
    recording: Option<Sign>,
    /// Blocks without such a sign, in all and since the last one with it.
    spoken: u32,
    spoken_after: u32,
    is_person: bool,
    /// The agent took up what was said.
    is_heard: bool,
}

impl Line {
    fn hear(&mut self, words: &[Word]) {
        for hit in RECORDING.find(words) {
            surest(&mut self.block.recording, hit.what);
        }
        self.block.is_person |= PERSON.are_in(words);
        self.block.words += meaningful_words(words);
    }

    fn end_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        self.is_person |= block.is_person;
        match block.recording {
            Some(sign) => {
                surest(&mut self.recording, sign);
                self.spoken_after = 0;
            }
            None if block.words >= 2 => {
                self.spoken += 1;
                self.spoken_after += 1;
            }
            None => {}
        }
    }

    fn verdict(self) -> AnsweredBy {
        // Who answers after the recording has come to the telephone; who answers twice is talking.
        let talks = self.is_person || self.is_heard || self.spoken_after > 0 || self.spoken > 1;
        match self.recording {
            Some(Sign::Sure(by) | Sign::Likely(by)) if !talks => by,
            _ => AnsweredBy::Person,
        }
    }
}

fn surest(so_far: &mut Option<Sign>, sign: Sign) {
    if so_far.is_none_or(|known| known.points() < sign.points()) {
        *so_far = Some(sign);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Role::{Assistant as A, User as U};

    fn by(turns: &[(Role, &str)]) -> AnsweredBy {
        answered_by(&turns.iter().map(|(role, text)| Utterance::new(*role, text)).collect::<Vec<_>>())
    }

    fn of(text: &str) -> AnsweredBy {
        by(&text.split(" / ").map(|turn| (U, turn)).collect::<Vec<_>>())
    }

    #[test]
    fn greetings_menus_screeners_and_carriers_are_nobody() {
        for greeting in [
            "Your call has been forwarded to an automated voice messaging system. / 2 1 2 5 5 5 0 1 4 2 is not available. / \
             At the tone, please record your message. / When you have finished recording, you may hang up.",
            "Hi, you've reached Dana Whitfield. / I'm not here right now. / Leave a message.",
            "Hey it's Dana, I can't come to the phone right now, so leave your name and number and I'll get back to you.",
            "The person you are trying to reach is not available. Please leave a message after the beep.",
            "The mailbox is full and cannot accept any messages at this time. Goodbye.",
            "You have reached the voicemail box of five five five, oh one four two.",
            "You've reached Brookside Dental. Our office is currently closed.",
            "Ha llamado a Dana. Deje su mensaje después del tono.",
            "Bonjour, vous êtes bien sur la messagerie vocale de Dana, laissez un message après le bip.",
            "Hier ist die Mailbox von Dana. Bitte hinterlassen Sie eine Nachricht nach dem Signalton.",
        ] {
            assert_eq!(of(greeting), Voicemail, "{greeting}");
        }
        for menu in [
            "Thank you for calling Brookside Dental. / To book or reschedule an appointment, press one. / For billing, press two.",
            "Please listen carefully as our menu options have changed.",
            "Your call is important to us. Please stay on the line for the next available representative.",
            "Para continuar en español, oprima el dos.",
        ] {
            assert_eq!(of(menu), Menu, "{menu}");
        }
        for screener in [
            "Hi, if you record your name and reason for calling, I'll see if this person is available.",
            "Hi, the person you're calling is using a screening service and will get a copy of this conversation. Go ahead and \
             say your name and why you're calling.",
            "Please state your name after the tone and we will try to connect you.",
        ] {
            assert!(matches!(of(screener), Screening | Voicemail), "{screener}: {:?}", of(screener));
        }
        for carrier in [
            "The number you have dialed is not in service. Please check the number and dial again.",
            "We're sorry, your call cannot be completed as dialed.",
            "You have reached a number that has been disconnected or is no longer in service.",
            "El número que usted marcó no existe.",
            "Kein Anschluss unter dieser Nummer.",
        ] {
            assert_eq!(of(carrier), OutOfService, "{carrier}");
        }
    }

    #[test]
    fn an_agent_who_talks_to_a_recording_makes_no_person_of_it() {
        let turns = [
            (A, "Hello, this is Iris from Cedar Salon. Am I speaking with Dana?"),
            (U, "Hello."),
            (A, "Hi Dana!"),
            (U, "You've reached the voicemail of Dana Whitfield. Leave a message after the tone."),
            (A, "Hi Dana, this is Iris from Cedar Salon about Tuesday. Is ten still fine?"),
            (U, "If you are satisfied with your message, press one."),
            (A, "Goodbye."),
            (U, "Goodbye."),
        ];
        assert_eq!(by(&turns), Voicemail);
    }

    #[test]
    fn a_caller_who_speaks_of_messages_is_somebody() {
        for request in [
            "Hi, this is Dana Whitfield. Can I leave a message for Doctor Lee? My number is 212-555-0142.",
            "I'd like to leave a message for the doctor, please, after the tone or whenever.",
            "I called yesterday and it said to record your message at the tone, so I did.",
            "Your voicemail said press one for appointments, and then nothing happened.",
            "Could you just leave me a message when it's ready? I'm not available before six.",
            "I got a call from the number you called me from, and it said leave a message.",
        ] {
            assert_eq!(of(request), AnsweredBy::Person, "{request}");
            assert_eq!(by(&[(A, "Cedar Salon."), (U, request), (A, "Of course.")]), AnsweredBy::Person, "{request}");
        }
        let passed_on =
            [(U, "Leave a message for Doctor Lee at the tone, ha, no. Dana Whitfield here."), (A, "I'll tell him.")];
        assert_eq!(by(&passed_on), AnsweredBy::Person);
    }

    #[test]
    fn who_picks_up_after_the_recording_is_somebody() {
        let turns = [
            (U, "Hi, if you record your name and reason for calling, I'll see if this person is available."),
            (A, "Iris from Cedar Salon, about the appointment."),
            (U, "Hello Iris, Dana here, Tuesday is fine."),
        ];
        assert_eq!(by(&turns), AnsweredBy::Person);
    }
}
