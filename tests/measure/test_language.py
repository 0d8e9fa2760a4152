"""Languages by script and stop words, on written-out samples and on the real documents."""

import random

import pytest

from builder.measure import Reading, reading

SAMPLES = {
    "es": "No sé qué decirle a mi hermana, porque ella quiere que vendamos la casa y yo creo que deberíamos "
    "esperar un poco más antes de tomar una decisión como esta.",
    "fr": "Je ne sais pas ce que je dois dire à ma sœur, parce qu'elle veut que nous vendions la maison et moi "
    "je crois que nous devrions attendre encore un peu.",
    "de": "Ich weiß nicht, was ich meiner Schwester sagen soll, weil sie will, dass wir das Haus verkaufen, und "
    "ich glaube, dass wir noch ein wenig warten sollten.",
    "pt": "Não sei o que dizer à minha irmã, porque ela quer que a gente venda a casa e eu acho que deveríamos "
    "esperar um pouco mais antes de decidir uma coisa dessas.",
    "it": "Non so che cosa dire a mia sorella, perché lei vuole che vendiamo la casa e io credo che dovremmo "
    "aspettare ancora un poco prima di decidere una cosa come questa.",
    "nl": "Ik weet niet wat ik tegen mijn zus moet zeggen, want zij wil dat wij het huis verkopen en ik denk dat "
    "wij nog even zouden moeten wachten voordat we dat doen.",
    "hi": "मुझे नहीं पता कि अपनी बहन से क्या कहूँ, क्योंकि वह चाहती है कि हम घर बेच दें और मुझे लगता है कि हमें "
    "थोड़ा और इंतज़ार करना चाहिए।",
    "zh": "我不知道该对我姐姐说什么，因为她希望我们把房子卖掉，而我觉得我们应该再等一等再做这样的决定。",
    "ja": "姉に何と言えばいいのか分かりません。姉は家を売りたいと言っていますが、私はもう少し待つべきだと思います。",
    "ru": "Я не знаю, что сказать сестре, потому что она хочет, чтобы мы продали дом, а я думаю, что нам нужно "
    "ещё немного подождать.",
    "ko": "언니에게 무슨 말을 해야 할지 모르겠어요. 언니는 집을 팔고 싶어 하지만 저는 조금 더 기다려야 한다고 생각해요.",
    "en": "I don't know what to say to my sister, because she wants us to sell the house and I think that we "
    "should wait a little longer before we decide a thing like that.",
}


@pytest.mark.parametrize("code", SAMPLES)
def test_samples_are_named(code):
    found = reading(SAMPLES[code])
    assert (found.language, found.english) == (code, code == "en")
    assert found.words >= 15


@pytest.mark.parametrize("text", ["Hello there", "ok", "Café au lait", "def f(x): return x", "", "1 2 3", "Kill it!"])
def test_short_english_and_empty_texts_stay_english(text):
    assert reading(text).english


def test_an_empty_text_has_no_words():
    assert reading(" \n") == Reading("en", True, 0)


def test_mixed_texts_go_by_shares():
    english, hindi = SAMPLES["en"], SAMPLES["hi"]
    assert reading(f"{english} {english} {hindi}").english
    assert reading(f"{english} {hindi} {hindi} {hindi}").language == "hi"
    assert reading(f"{english} (你好)").english


def test_words_that_no_list_knows_are_not_english_prose():
    assert reading("blik dorva menti sulka " * 20).language == "und"


def test_real_documents(real_documents):
    found = [reading(text) for text in real_documents]
    languages = {one.language for one in found}
    assert {"en", "zh", "ja", "hi", "bn", "es", "fr", "de", "pt", "pl", "vi", "id"} <= languages
    assert sum(one.english for one in found) > 500
    rng = random.Random(0)
    for text, one in zip(real_documents, found, strict=True):
        words = text.split()
        if one.english and text.isascii():
            start = rng.randrange(max(1, len(words) - 80))
            assert reading(" ".join(words[start : start + 80])).english


def test_half_a_surrogate_pair_changes_no_language():
    assert reading(SAMPLES["en"].replace("sister", "sister \ud83d")) == reading(SAMPLES["en"])
