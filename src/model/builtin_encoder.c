/* builtin_encoder.c - built-in shapes: encoders for embedding and ranking. Columns: builtin.h. The parameters are those of the files on the hub. */
#include "model/builtin.h"

#define BERT(id, ...) { id, "BertModel", "bert", __VA_ARGS__ }
#define BERT_RANKS(id, ...) { id, "BertForSequenceClassification", "bert", __VA_ARGS__ }
#define ROBERTA(id, ...) { id, "RobertaModel", "roberta", __VA_ARGS__ }
#define XLM(id, ...) { id, "XLMRobertaModel", "xlm-roberta", __VA_ARGS__ }
#define XLM_RANKS(id, ...) { id, "XLMRobertaForSequenceClassification", "xlm-roberta", __VA_ARGS__ }
#define MODERN(id, ...) { id, "ModernBertModel", "modernbert", __VA_ARGS__ }
#define MODERN_RANKS(id, ...) { id, "ModernBertForSequenceClassification", "modernbert", __VA_ARGS__ }
#define NOMIC(id, ...) { id, "NomicBertModel", "nomic_bert", __VA_ARGS__ }
#define GTE(id, ...) { id, "NewModel", "new", __VA_ARGS__ }
#define ARCTIC(id, ...) { id, "GteModel", "gte", __VA_ARGS__ }
#define GTE_RANKS(id, ...) { id, "NewForSequenceClassification", "new", __VA_ARGS__ }
#define GEMMA3_EMBED(id, ...) { id, "Gemma3TextModel", "gemma3_text", __VA_ARGS__ }
#define ONE_TYPE "\"type_vocab_size\": 1"
#define ONE_LABEL ONE_TYPE ", \"num_labels\": 1"
#define SMALL_BERT 12, 384, 1536, 12, 12, 32, 30522, 512, TIED
#define BASE_BERT 12, 768, 3072, 12, 12, 64, 30522, 512, TIED
#define LARGE_BERT 24, 1024, 4096, 16, 16, 64, 30522, 512, TIED
#define BASE_XLM(positions) 12, 768, 3072, 12, 12, 64, 250002, positions, TIED
#define LARGE_XLM(positions) 24, 1024, 4096, 16, 16, 64, 250002, positions, TIED

const struct bt_shape_row bt_shapes_encoder[] = {
    GTE("Alibaba-NLP/gte-multilingual-base", 12, 768, 3072, 12, 12, 64, 250048, 8192, TIED, 305368320, ONE_TYPE),
    GTE_RANKS("Alibaba-NLP/gte-multilingual-reranker-base", 12, 768, 3072, 12, 12, 64, 250048, 8192, TIED, 305959681, ONE_LABEL),
    MODERN("Alibaba-NLP/gte-modernbert-base", 22, 768, 1152, 12, 12, 64, 50368, 8192, TIED, 149014272),
    MODERN_RANKS("Alibaba-NLP/gte-reranker-modernbert-base", 22, 768, 1152, 12, 12, 64, 50368, 8192, TIED, 149605633, "\"num_labels\": 1"),
    BERT("BAAI/bge-base-en-v1.5", BASE_BERT, 109482240),
    BERT("BAAI/bge-base-zh-v1.5", 12, 768, 3072, 12, 12, 64, 21128, 512, TIED, 102267648),
    BERT("BAAI/bge-large-en-v1.5", LARGE_BERT, 335141888),
    BERT("BAAI/bge-large-zh-v1.5", 24, 1024, 4096, 16, 16, 64, 21128, 512, TIED, 325522432),
    XLM("BAAI/bge-m3", LARGE_XLM(8194), 567754752, ONE_TYPE),
    XLM_RANKS("BAAI/bge-reranker-base", BASE_XLM(514), 278044417, ONE_LABEL),
    XLM_RANKS("BAAI/bge-reranker-large", LARGE_XLM(514), 559891457, ONE_LABEL),
    XLM_RANKS("BAAI/bge-reranker-v2-m3", LARGE_XLM(8194), 567755777, ONE_LABEL),
    BERT("BAAI/bge-small-en-v1.5", SMALL_BERT, 33360000),
    XLM("Snowflake/snowflake-arctic-embed-l-v2.0", LARGE_XLM(8194), 567754752, ONE_TYPE),
    BERT("Snowflake/snowflake-arctic-embed-m", BASE_BERT, 108891648),
    ARCTIC("Snowflake/snowflake-arctic-embed-m-v2.0", 12, 768, 3072, 12, 12, 64, 250048, 8192, TIED, 305368320, ONE_TYPE),
    MODERN("answerdotai/ModernBERT-base", 22, 768, 1152, 12, 12, 64, 50368, 8192, TIED, 149014272),
    MODERN("answerdotai/ModernBERT-large", 28, 1024, 2624, 16, 16, 64, 50368, 8192, TIED, 394781696),
    BERT_RANKS("cross-encoder/ms-marco-MiniLM-L-6-v2", 6, 384, 1536, 12, 12, 32, 30522, 512, TIED, 22713601, "\"num_labels\": 1"),
    GEMMA3_EMBED("google/embeddinggemma-300m", 24, 768, 1152, 3, 1, 256, 262144, 2048, TIED, 302863104, "\"sliding_window\": 512, \"sliding_window_pattern\": 6, "
        "\"use_bidirectional_attention\": true"),
    BERT("intfloat/e5-base-v2", BASE_BERT, 109482240),
    BERT("intfloat/e5-large-v2", LARGE_BERT, 335141888),
    BERT("intfloat/e5-small-v2", SMALL_BERT, 33360000),
    XLM("intfloat/multilingual-e5-base", BASE_XLM(514), 278043648, ONE_TYPE),
    XLM("intfloat/multilingual-e5-large", LARGE_XLM(514), 559890432, ONE_TYPE),
    XLM("intfloat/multilingual-e5-large-instruct", LARGE_XLM(514), 559890432, ONE_TYPE),
    BERT("intfloat/multilingual-e5-small", 12, 384, 1536, 12, 12, 32, 250037, 512, TIED, 117653760),
    BERT("mixedbread-ai/mxbai-embed-large-v1", LARGE_BERT, 335141888),
    MODERN("nomic-ai/modernbert-embed-base", 22, 768, 1152, 12, 12, 64, 50368, 8192, TIED, 149014272),
    NOMIC("nomic-ai/nomic-embed-text-v1.5", 12, 768, 3072, 12, 12, 64, 30528, 2048, TIED, 136731648, "\"activation_function\": \"swiglu\", \"qkv_proj_bias\": false, \"mlp_fc1_bias\": false"),
    NOMIC("nomic-ai/nomic-embed-text-v2-moe", 12, 768, 3072, 12, 12, 64, 250048, 2048, TIED, 475292928, ONE_TYPE ", \"activation_function\": \"gelu\", \"num_experts\": 8, \"moe_top_k\": 2, "
        "\"moe_every_n_layers\": 2"),
    ROBERTA("sentence-transformers/all-distilroberta-v1", 6, 768, 3072, 12, 12, 64, 50265, 514, TIED, 82118400, ONE_TYPE),
    BERT("sentence-transformers/all-MiniLM-L12-v2", SMALL_BERT, 33360000),
    BERT("sentence-transformers/all-MiniLM-L6-v2", 6, 384, 1536, 12, 12, 32, 30522, 512, TIED, 22713216),
    BERT("sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", 12, 384, 1536, 12, 12, 32, 250037, 512, TIED, 117653760),
    BERT("thenlper/gte-base", BASE_BERT, 109482240),
    BERT("thenlper/gte-large", LARGE_BERT, 335141888),
    { .id = NULL },
};
